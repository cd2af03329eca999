// MCP over a pair of pipes: a message a line in, a message a line out, and what becomes of calls
// that cannot be taken or are cancelled.
#include <gtest/gtest.h>

#include <array>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include <poll.h>
#include <unistd.h>

#include "base/descriptor.hpp"
#include "base/json.hpp"
#include "mcp/stdio.hpp"
#include "platform/quiet_database.hpp"

using namespace sidecar;
using namespace std::chrono_literals;

namespace
{

constexpr const char *list_call =
    R"({"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"list_app_databases",)"
    R"("arguments":{"app_id":"app-1"}}})";

// A database that lists nothing, once the test lets it.
struct SlowDatabase final : QuietDatabase {
    std::optional<std::string>
    value(const Query &, const Parameters &) override
    {
        std::unique_lock lock(mutex);
        asked++;
        changed.notify_all();
        changed.wait(lock, [] { return open; });
        return R"({"databases":[]})";
    }

    static inline std::mutex mutex;
    static inline std::condition_variable changed;
    static inline bool open = true;
    static inline int asked = 0;

    static void
    set_open(bool now)
    {
        const std::lock_guard lock(mutex);
        open = now;
        changed.notify_all();
    }
    static void
    wait_asked(int count)
    {
        std::unique_lock lock(mutex);
        EXPECT_TRUE(changed.wait_for(lock, 20s, [&] { return asked >= count; }));
    }
};

// A client at the other end of the pipes.
class Client
{
public:
    explicit Client(std::size_t limit = 10)
        : workers_([] { return std::make_unique<SlowDatabase>(); }, 1, limit)
    {
        SlowDatabase::set_open(true);
        SlowDatabase::asked = 0;
        std::array<int, 2> in, out;
        EXPECT_EQ(pipe(in.data()) + pipe(out.data()), 0);
        to_ = Descriptor(in[1]);
        theirs_in_ = Descriptor(in[0]);
        from_ = Descriptor(out[0]);
        theirs_out_ = Descriptor(out[1]);
        stdio_.emplace(mcp_, workers_, Caller{"u@example.com", false}, in[0], out[1]);
    }

    ~Client()
    {
        SlowDatabase::set_open(true);
        close_input();
        until([&] { return stdio_->ended() && workers_.busy() == 0; });
    }

    void
    say(const std::string &line)
    {
        const std::string text = line + "\n";
        EXPECT_EQ(write(to_.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
    }

    void
    close_input()
    {
        to_ = Descriptor();
    }

    // The next message.
    Json
    hear()
    {
        for (;;) {
            if (const std::size_t end = heard_.find('\n'); end != std::string::npos) {
                Json message = parse_json(heard_.substr(0, end));
                heard_.erase(0, end + 1);
                return message;
            }
            pollfd fd{from_.get(), POLLIN, 0};
            std::array<char, 4096> part;
            if (poll(&fd, 1, 20'000) != 1) {
                ADD_FAILURE() << "nothing was said";
                return Json(json_null());
            }
            const ssize_t size = read(from_.get(), part.data(), part.size());
            heard_.append(part.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
        }
    }

    template <typename Condition>
    void
    until(Condition condition)
    {
        const SystemClock clock;
        for (const auto deadline = clock.now() + 20s; clock.now() < deadline && !condition();)
            usleep(1000);
        EXPECT_TRUE(condition());
    }

    McpStdio &
    stdio()
    {
        return *stdio_;
    }
    const Mcp &
    mcp() const
    {
        return mcp_;
    }

private:
    SystemClock clock_;
    Mcp mcp_{{false, false, 10s, {}}, clock_};
    DatabaseWorkers workers_;
    Descriptor to_, from_, theirs_in_, theirs_out_;
    std::optional<McpStdio> stdio_;
    std::string heard_;
};

std::int64_t
error_code(const Json &message)
{
    return json_integer_value(json_object_get(json_object_get(message.get(), "error"), "code"));
}

} // namespace

TEST(McpStdio, AnswersEachLine)
{
    Client client;
    client.say(R"({"jsonrpc":"2.0","id":1,"method":"ping"})");
    EXPECT_EQ(integer_member(client.hear(), "id"), 1);
    client.say("");
    client.say("no JSON");
    EXPECT_EQ(error_code(client.hear()), -32700);
    client.say(R"({"jsonrpc":"2.0","id":2,"method":"nothing/of/this/name"})");
    EXPECT_EQ(error_code(client.hear()), -32601);
    client.say(list_call);
    const Json listed = client.hear();
    EXPECT_EQ(integer_member(listed, "id"), 7);
    EXPECT_FALSE(json_is_true(json_object_get(json_object_get(listed.get(), "result"), "isError")));
}

TEST(McpStdio, RefusesALineThatIsTooLongAndReadsOn)
{
    Client client;
    const std::string line(1100 * 1024, 'x');
    std::thread writer([&] { client.say(line); });
    EXPECT_EQ(error_code(client.hear()), -32600);
    writer.join();
    client.say(R"({"jsonrpc":"2.0","id":3,"method":"ping"})");
    EXPECT_EQ(integer_member(client.hear(), "id"), 3);
}

TEST(McpStdio, ForgetsACallThatIsRefusedBecauseTooManyWait)
{
    Client client(1);
    SlowDatabase::set_open(false);
    client.say(list_call);
    SlowDatabase::wait_asked(1);
    client.say(R"({"jsonrpc":"2.0","id":8,"method":"tools/call","params":)"
               R"({"name":"list_app_databases","arguments":{"app_id":"app-1"}}})");
    EXPECT_EQ(error_code(client.hear()), -32603);
    EXPECT_EQ(client.mcp().running(), 1u);
    SlowDatabase::set_open(true);
    EXPECT_EQ(integer_member(client.hear(), "id"), 7);
    client.until([&] { return client.mcp().running() == 0; });
}

TEST(McpStdio, SaysNothingOfACallThatWasCancelled)
{
    Client client;
    SlowDatabase::set_open(false);
    client.say(list_call);
    SlowDatabase::wait_asked(1);
    client.say(R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}})");
    client.say(R"({"jsonrpc":"2.0","id":9,"method":"ping"})");
    EXPECT_EQ(integer_member(client.hear(), "id"), 9); // so the cancellation has been read
    SlowDatabase::set_open(true);
    client.until([&] { return client.stdio().idle(); });
    client.say(R"({"jsonrpc":"2.0","id":10,"method":"ping"})");
    EXPECT_EQ(integer_member(client.hear(), "id"), 10);
}

TEST(McpStdio, SaysWhenTheInputHasEnded)
{
    Client client;
    EXPECT_FALSE(client.stdio().ended());
    client.close_input();
    client.until([&] { return client.stdio().ended(); });
    EXPECT_TRUE(client.stdio().idle());
}
