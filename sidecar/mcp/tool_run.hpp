// One tools/call on its way: runs the tool, then asks how far it is, with longer and longer pauses,
// until there is a result, the time is over, or the caller has cancelled.
// It lives in the task that comes next: when that is dropped, the call is forgotten with it.
#pragma once

#include <memory>
#include <string>

#include "base/clock.hpp"
#include "base/json.hpp"
#include "mcp/running_calls.hpp"
#include "mcp/tools.hpp"
#include "platform/message.hpp"
#include "platform/problem.hpp"

namespace sidecar
{

// What a tool's result or refusal is in the protocol.
Json tool_result(const Json &structured);
Json tool_error(const Problem &problem);

class ToolRun : public std::enable_shared_from_this<ToolRun>
{
public:
    // What a run is made of.
    struct Parts {
        const Tool *tool;
        ToolCall call;
        Json id; // of the request
        std::shared_ptr<RunningCalls> calls;
        std::string key; // by which it is cancelled
        const Clock *clock;
        TimePoint deadline; // by which some result is wanted
    };

    explicit ToolRun(Parts parts);

    // The task that begins it.
    Task start();

private:
    TaskResult run(Database &database);
    TaskResult poll(Database &database);
    TaskResult go_on(ToolResult found);
    Response finish(Json result) const;

    Parts parts_;
    RunningCalls::Call running_;
    Poll poll_;
    Duration pause_; // before the next question
};

} // namespace sidecar
