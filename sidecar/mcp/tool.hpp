// What a tool is: its name and words, the fields it takes, and the function that runs it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <variant>

#include "platform/bucket_run.hpp"
#include "platform/caller.hpp"
#include "platform/database.hpp"
#include "platform/fields.hpp"

namespace sidecar
{

struct ToolCall {
    Caller caller;
    Input input;
    bool publishes = false;
    bool publishes_buckets = false;
    StoreDoor store{};
};

// Asks how far something is: its result, or nothing yet; last says that the time is over and some
// result is wanted.
using Poll = std::function<std::optional<Json>(Database &, bool last)>;
using ToolResult = std::variant<Json, Poll>;

struct Tool {
    const char *name;
    const char *title;
    const char *description;
    Fieldset fields;
    bool read_only;
    bool destructive;
    bool idempotent;
    ToolResult (*run)(Database &, const ToolCall &);
};

} // namespace sidecar
