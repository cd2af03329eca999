// The tools of API keys (the table is in tools.cpp). Where there is a producer, the app gets the
// key and nobody else.
#pragma once

#include "mcp/access_tools.hpp"

namespace sidecar
{

extern const FieldRule add_key_fields[4];
ToolResult add_key_tool(Database &database, const ToolCall &call);

extern const FieldRule list_keys_fields[2];
ToolResult list_keys_tool(Database &database, const ToolCall &call);

extern const FieldRule revoke_key_fields[4];
ToolResult revoke_key_tool(Database &database, const ToolCall &call);

} // namespace sidecar
