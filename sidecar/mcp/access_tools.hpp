// The tools of credentials, publications and services (the table is in tools.cpp). None issues a
// credential to the caller where there is a producer.
#pragma once

#include "mcp/tool.hpp"

namespace sidecar
{

inline constexpr FieldRule app_id_field = {"app_id", FieldKind::text, true,
                                           "the app, such as app-12345678"};
inline constexpr FieldRule db_id_field = {"db_id", FieldKind::text, true,
                                          "the database, such as db-a1b2c3d4e5f6"};

extern const FieldRule publication_tool_fields[4];
ToolResult list_publications_tool(Database &database, const ToolCall &call);

extern const FieldRule retry_tool_fields[3];
ToolResult retry_publication_tool(Database &database, const ToolCall &call);

extern const FieldRule revoke_tool_fields[4];
ToolResult revoke_credential_tool(Database &database, const ToolCall &call);

extern const FieldRule services_tool_fields[3];
ToolResult set_services_tool(Database &database, const ToolCall &call);

extern const FieldRule service_tool_fields[4];
ToolResult rotate_service_tool(Database &database, const ToolCall &call);

} // namespace sidecar
