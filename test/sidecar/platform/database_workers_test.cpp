// The threads that work on the database: what happens when too much is asked, when the database
// cannot be reached, and what a task that comes later waits for.
#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <optional>
#include <vector>

#include "base/failure.hpp"
#include "platform/database_workers.hpp"
#include "platform/error_table.hpp"
#include "platform/quiet_database.hpp"

using namespace sidecar;
using namespace std::chrono_literals;

namespace
{

// A database that answers "1", or cannot be reached.
struct FakeDatabase final : QuietDatabase {
    explicit FakeDatabase(bool reachable) : reachable(reachable)
    {
    }
    std::optional<std::string>
    value(const Query &, const Parameters &) override
    {
        if (!reachable)
            throw Failure(Failure::Kind::retry, "the database cannot be reached");
        return "1";
    }
    bool reachable;
};

OpenDatabase
opens(bool reachable = true)
{
    return [reachable] {
        return std::make_unique<FakeDatabase>(reachable);
    };
}

constexpr Query question = {"question", "SELECT 1", Effect::reads};

// The responses of tasks, in the order in which they came.
class Inbox
{
public:
    std::function<void(Response)>
    taker()
    {
        return [this](Response response) {
            const std::lock_guard lock(mutex_);
            responses_.push_back(std::move(response));
            come_.notify_all();
        };
    }

    // The responses, once there are so many.
    std::vector<Response>
    wait(std::size_t count)
    {
        std::unique_lock lock(mutex_);
        EXPECT_TRUE(come_.wait_for(lock, 20s, [&] { return responses_.size() >= count; }));
        return responses_;
    }

private:
    std::mutex mutex_;
    std::condition_variable come_;
    std::vector<Response> responses_;
};

// Something that tasks wait in until the test opens it.
class Gate
{
public:
    void
    pass()
    {
        std::unique_lock lock(mutex_);
        waiting_++;
        changed_.notify_all();
        changed_.wait(lock, [&] { return open_; });
    }
    void
    wait_for(int count)
    {
        std::unique_lock lock(mutex_);
        EXPECT_TRUE(changed_.wait_for(lock, 20s, [&] { return waiting_ >= count; }));
    }
    void
    open()
    {
        const std::lock_guard lock(mutex_);
        open_ = true;
        changed_.notify_all();
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    int waiting_ = 0;
    bool open_ = false;
};

Task
answering(std::string body)
{
    return {[body](Database &) -> TaskResult {
        return Response{200, body, "text/plain", false, {}};
    }};
}

Task
waiting_in(Gate &gate, bool slow = false)
{
    return {[&gate](Database &) -> TaskResult {
                gate.pass();
                return Response{200, "waited", "text/plain", false, {}};
            },
            slow};
}

} // namespace

TEST(DatabaseWorkers, RefuseWhatIsBeyondTheirLimit)
{
    Gate gate;
    Inbox inbox;
    DatabaseWorkers workers(opens(), 1, 2);
    EXPECT_TRUE(workers.submit(waiting_in(gate), inbox.taker()));
    gate.wait_for(1);
    EXPECT_TRUE(workers.submit(answering("second"), inbox.taker()));
    EXPECT_EQ(workers.busy(), 2u);
    EXPECT_FALSE(workers.submit(answering("third"), inbox.taker()));
    gate.open();
    EXPECT_EQ(inbox.wait(2)[1].body, "second");
}

TEST(DatabaseWorkers, DropARefusedTaskAtOnce)
{
    Inbox inbox;
    DatabaseWorkers workers(opens(), 1, 0);
    auto held = std::make_shared<int>(0);
    EXPECT_FALSE(workers.submit({[held](Database &) -> TaskResult {
                                    return Response{};
                                }},
                                inbox.taker()));
    EXPECT_EQ(held.use_count(), 1);
}

TEST(DatabaseWorkers, SayWhatADatabaseThatIsAwayMeans)
{
    Inbox inbox;
    DatabaseWorkers workers(opens(false), 2, 10);
    const auto asks = [](Database &database) -> TaskResult {
        return answering_by(use_case_errors, [&] {
            return Response{200, database.value(question, {}).value(), "text/plain", false, {}};
        });
    };
    ASSERT_TRUE(workers.submit({asks}, inbox.taker()));
    const Response response = inbox.wait(1)[0];
    EXPECT_EQ(response.status, 503);
    EXPECT_NE(response.body.find("cannot be reached"), std::string::npos) << response.body;
    EXPECT_EQ(response.headers.count("Retry-After"), 1u);
}

TEST(DatabaseWorkers, TellNothingOfAMistakeOfOurs)
{
    Inbox inbox;
    DatabaseWorkers workers(opens(), 1, 10);
    const auto fails = [](Database &) -> TaskResult {
        throw std::logic_error("a secret");
    };
    ASSERT_TRUE(workers.submit({fails}, inbox.taker()));
    const Response response = inbox.wait(1)[0];
    EXPECT_EQ(response.status, 500);
    EXPECT_EQ(response.body.find("secret"), std::string::npos);
}

TEST(DatabaseWorkers, KeepAThreadFreeOfSlowTasks)
{
    Gate gate;
    Inbox inbox;
    DatabaseWorkers workers(opens(), 2, 10);
    for (int i = 0; i < 3; i++)
        ASSERT_TRUE(workers.submit(waiting_in(gate, true), inbox.taker()));
    ASSERT_TRUE(workers.submit(answering("quick"), inbox.taker()));
    EXPECT_EQ(inbox.wait(1)[0].body, "quick");
    gate.open();
    inbox.wait(4);
}

TEST(DatabaseWorkers, LetOthersGoFirstWhileATaskPauses)
{
    Inbox inbox;
    DatabaseWorkers workers(opens(), 1, 10);
    const auto first = [](Database &) -> TaskResult {
        Task next = answering("late");
        next.pause = 200ms;
        return next;
    };
    ASSERT_TRUE(workers.submit({first}, inbox.taker()));
    ASSERT_TRUE(workers.submit(answering("early"), inbox.taker()));
    const auto responses = inbox.wait(2);
    EXPECT_EQ(responses[0].body, "early");
    EXPECT_EQ(responses[1].body, "late");
}
