// See tool_run.hpp.
#include "mcp/tool_run.hpp"

#include <algorithm>
#include <utility>

#include "base/text.hpp"
#include "mcp/rpc.hpp"
#include "platform/error_table.hpp"

namespace sidecar
{
namespace
{

constexpr Duration first_pause = std::chrono::milliseconds(20);
constexpr Duration max_pause = std::chrono::milliseconds(250);

// A result that is there, in the form of the protocol; a question that goes on stays as it is.
ToolResult
in_protocol(ToolResult found)
{
    if (const auto *value = std::get_if<Json>(&found))
        return tool_result(*value);
    return found;
}

// Runs one step of a tool; a refusal becomes the tool's error.
template <typename Body>
ToolResult
guarded(Body step)
{
    try {
        return in_protocol(answering_by(use_case_errors, step));
    } catch (const Problem &problem) {
        return tool_error(problem);
    }
}

} // namespace

Json
tool_result(const Json &structured)
{
    return pack("{s:[{s:s, s:o}], s:O, s:b}", "content", "type", "text", "text",
                json_of(json_text(structured)).release(), "structuredContent", structured.get(),
                "isError", 0);
}

Json
tool_error(const Problem &problem)
{
    std::string text = problem.title + ": " + problem.detail;
    if (!problem.hint.empty())
        text += "\nhint: " + problem.hint;
    return pack("{s:[{s:s, s:o}], s:b}", "content", "type", "text", "text",
                json_of(clean_text(text)).release(), "isError", 1);
}

ToolRun::ToolRun(Parts parts)
    : parts_(std::move(parts)), running_(parts_.calls, parts_.key), pause_(first_pause)
{
}

Task
ToolRun::start()
{
    return {[self = shared_from_this()](Database &database) { return self->run(database); },
            !parts_.tool->read_only, Duration(0)};
}

TaskResult
ToolRun::run(Database &database)
{
    return go_on(guarded([&] { return parts_.tool->run(database, parts_.call); }));
}

// Asks once how far the tool is.
TaskResult
ToolRun::poll(Database &database)
{
    const bool last = parts_.clock->now() >= parts_.deadline || running_.cancelled();
    return go_on(guarded([&]() -> ToolResult {
        if (auto value = poll_(database, last))
            return std::move(*value);
        return poll_;
    }));
}

// The response, or the task that asks again.
TaskResult
ToolRun::go_on(ToolResult found)
{
    if (auto *value = std::get_if<Json>(&found))
        return finish(std::move(*value));
    poll_ = std::get<Poll>(std::move(found));
    const Duration pause = std::exchange(pause_, std::min(pause_ * 2, max_pause));
    return Task{[self = shared_from_this()](Database &database) { return self->poll(database); },
                false, pause};
}

// The response of a call; nothing is said when it was cancelled meanwhile.
Response
ToolRun::finish(Json result) const
{
    if (running_.cancelled())
        return rpc::nothing();
    Response response = rpc::result(parts_.id, std::move(result));
    response.secret = !parts_.call.publishes || !parts_.call.publishes_buckets;
    return response;
}

} // namespace sidecar
