// What the tools that make credentials answer: at once, or when the producer has the variables.
// With a producer no answer has a secret.
#pragma once

#include <string>

#include "mcp/tool.hpp"
#include "platform/use_case.hpp"

namespace sidecar
{

// Why nothing is published, where nobody delivers.
inline constexpr const char *no_producer = "OPENFACTORY_DB_PRODUCER_TOKEN is not configured";

// Which deliveries a tool waits for; both empty: all of the database.
struct Awaited {
    std::string variable;
    std::string target;
};

// Returns the result of a tool that made credentials, by the answer of its use case.
ToolResult hand_out(const ToolCall &call, const use_cases::Answer &answer, Awaited awaited);

// Returns a text argument of a call; "" when it is absent.
std::string text_of(const ToolCall &call, const char *name);

void set_text(const Json &object, const char *name, const std::string &text);

} // namespace sidecar
