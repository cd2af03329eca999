// The tools of buckets (the table is in tools.cpp). With a producer for buckets none says a secret.
#pragma once

#include "mcp/tool.hpp"

namespace sidecar
{

extern const FieldRule add_bucket_fields[4];
ToolResult add_bucket_tool(Database &database, const ToolCall &call);

extern const FieldRule list_bucket_tool_fields[3];
ToolResult list_buckets_tool(Database &database, const ToolCall &call);

extern const FieldRule bucket_fields[2];
ToolResult rotate_bucket_tool(Database &database, const ToolCall &call);
ToolResult restore_bucket_tool(Database &database, const ToolCall &call);
ToolResult remove_bucket_tool(Database &database, const ToolCall &call);
ToolResult check_bucket_tool(Database &database, const ToolCall &call);

} // namespace sidecar
