// See stdio.hpp.
#include "mcp/stdio.hpp"

#include <array>
#include <atomic>
#include <cerrno>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include <unistd.h>

#include "platform/problem.hpp"

namespace sidecar
{
namespace
{

constexpr std::size_t max_message = 1024 * 1024;
constexpr const char *too_long =
    R"({"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"the message is too long"}})";
constexpr const char *too_many =
    R"({"jsonrpc":"2.0","id":null,"error":{"code":-32603,"message":"too much is under way"}})";

} // namespace

struct McpStdio::Shared {
    Shared(Mcp &mcp, DatabaseWorkers &workers, Caller caller, int input, int output)
        : mcp(mcp), workers(workers), caller(std::move(caller)), input(input), output(output)
    {
    }

    // Writes one message and its newline.
    void
    write(std::string line)
    {
        line += '\n';
        const std::lock_guard lock(mutex);
        std::size_t sent = 0;
        while (sent < line.size()) {
            const ssize_t size = ::write(output, line.data() + sent, line.size() - sent);
            if (size < 0 && errno != EINTR)
                return; // nobody reads any more
            sent += size > 0 ? static_cast<std::size_t>(size) : 0;
        }
    }

    void
    finish(const Response &response)
    {
        if (!response.body.empty())
            write(response.body);
        under_way--;
    }

    void
    take(const std::shared_ptr<Shared> &self, const std::string &line)
    {
        const std::lock_guard lock(gate);
        if (stopped)
            return;
        under_way++;
        TaskResult result = mcp.answer(line, caller, {});
        if (auto *response = std::get_if<Response>(&result)) {
            finish(*response);
        } else if (!workers.submit(std::get<Task>(std::move(result)),
                                   [self](const Response &response) { self->finish(response); })) {
            write(too_many);
            under_way--;
        }
    }

    // Reads messages until the input ends.
    void
    read(const std::shared_ptr<Shared> &self)
    {
        std::string pending;
        std::array<char, 8192> part;
        bool skipping = false; // the rest of a line that was too long
        for (;;) {
            const ssize_t size = ::read(input, part.data(), part.size());
            if (size < 0 && errno == EINTR)
                continue;
            if (size <= 0)
                break;
            pending.append(part.data(), static_cast<std::size_t>(size));
            for (std::size_t end; (end = pending.find('\n')) != std::string::npos;) {
                const std::string line = pending.substr(0, end);
                pending.erase(0, end + 1);
                if (!std::exchange(skipping, false) &&
                    line.find_first_not_of(" \r\t") != std::string::npos)
                    take(self, line);
            }
            if (pending.size() > max_message) {
                if (!std::exchange(skipping, true))
                    write(too_long);
                pending.clear();
            }
        }
        ended = true;
    }

    Mcp &mcp;
    DatabaseWorkers &workers;
    Caller caller;
    int input;
    int output;
    std::mutex mutex;
    std::mutex gate; // held while mcp and workers are used
    bool stopped = false;
    std::atomic<int> under_way{0};
    std::atomic<bool> ended{false};
};

McpStdio::McpStdio(Mcp &mcp, DatabaseWorkers &workers, Caller caller, int input, int output)
    : shared_(std::make_shared<Shared>(mcp, workers, std::move(caller), input, output))
{
    std::thread([shared = shared_] { shared->read(shared); }).detach();
}

McpStdio::~McpStdio()
{
    const std::lock_guard lock(shared_->gate);
    shared_->stopped = true;
}

bool
McpStdio::ended() const
{
    return shared_->ended;
}

bool
McpStdio::idle() const
{
    return shared_->under_way == 0;
}

} // namespace sidecar
