// The Model Context Protocol: JSON-RPC messages in, responses out, whether they come over HTTP or
// standard input. The tools themselves are in tools.cpp. Nothing of a session is kept but what
// may still be cancelled, so a restart of the sidecar ends no session.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/json.hpp"
#include "platform/caller.hpp"
#include "platform/message.hpp"

namespace sidecar
{

struct McpSettings {
    bool publishes = false; // somebody delivers: no tool ever says a password
    Duration wait = std::chrono::seconds(10);
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

private:
    using Flag = std::shared_ptr<std::atomic<bool>>;

    // One tools/call on its way.
    struct Running {
        Json id;
        std::string key;
        Flag cancelled;
    };

    TaskResult call_tool(const Json &id, const json_t *params, const Caller &caller,
                         std::string_view session);
    Response ended(const Running &running, Json result);
    void cancel(const std::string &key);
    static std::string key_of(const json_t *id, const Caller &caller, std::string_view session);

    McpSettings settings_;
    const Clock &clock_;
    std::mutex mutex_;
    std::map<std::string, Flag> running_;
};

} // namespace sidecar
