// The Model Context Protocol: JSON-RPC messages in, responses out, whether they come over HTTP or
// standard input. The tools themselves are in tools.cpp. Nothing of a session is kept but what may
// still be cancelled, so a restart of the sidecar ends no session.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/json.hpp"
#include "mcp/running_calls.hpp"
#include "platform/bucket_run.hpp"
#include "platform/caller.hpp"
#include "platform/message.hpp"

namespace sidecar
{

struct McpSettings {
    bool publishes = false;         // somebody delivers: no tool ever says a password
    bool publishes_buckets = false; // the same of buckets
    Duration wait = std::chrono::seconds(10);
    StoreDoor store{};
};

class Mcp
{
public:
    Mcp(McpSettings settings, const Clock &clock) : settings_(settings), clock_(clock)
    {
    }

    // Of the transport: the session's id and the protocol version that the client says it speaks.
    struct Session {
        std::string_view id;
        std::string_view protocol;
    };

    // Answers one message. A response without a body: there is nothing to be said.
    TaskResult answer(std::string_view message, const Caller &caller, const Session &session);

    // How many calls of tools are under way.
    std::size_t
    running() const
    {
        return calls_->count();
    }

private:
    struct Call;
    struct Method;

    TaskResult call_method(std::string_view name, const Call &call);
    TaskResult initialize(const Call &call);
    TaskResult ping(const Call &call);
    TaskResult list_tools(const Call &call);
    TaskResult call_tool(const Call &call);
    static std::string key_of(const json_t *id, const Call &call);

    McpSettings settings_;
    const Clock &clock_;
    std::shared_ptr<RunningCalls> calls_ = std::make_shared<RunningCalls>();
};

} // namespace sidecar
