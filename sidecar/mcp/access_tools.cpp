// See access_tools.hpp.
#include "mcp/access_tools.hpp"

#include <limits>

#include "mcp/handout.hpp"
#include "platform/credentials.hpp"
#include "platform/ownership.hpp"
#include "platform/services.hpp"

namespace sidecar
{

const FieldRule publication_tool_fields[4] = {
    app_id_field,
    db_id_field,
    use_cases::publication_list_fields[0],
    use_cases::publication_list_fields[1],
};

const FieldRule retry_tool_fields[3] = {
    app_id_field,
    db_id_field,
    {"publication_id", FieldKind::count, true, "the delivery, as list_app_publications says it",
     nullptr, 1, std::numeric_limits<std::int64_t>::max() / 10},
};

const FieldRule revoke_tool_fields[4] = {
    app_id_field,
    db_id_field,
    {"username", FieldKind::text, true, "the login, as check_app_database says it"},
    use_cases::reason_field,
};

const FieldRule services_tool_fields[3] = {
    app_id_field,
    db_id_field,
    use_cases::service_list_fields[0],
};

const FieldRule service_tool_fields[4] = {
    app_id_field,
    db_id_field,
    use_cases::service_fields[0],
    use_cases::service_fields[1],
};

namespace
{

// The database that a call names, once it is known to be the caller's and the app's.
std::string
database_of(Database &database, const ToolCall &call)
{
    std::string id = text_of(call, "db_id");
    use_cases::own(database, call.caller, id, call.input.text("app_id"));
    return id;
}

Json
document_for(const ToolCall &call, const use_cases::Answer &answer)
{
    Json document = parse_json(answer.json);
    set_text(document, "session_token", call.caller.user);
    return document;
}

} // namespace

ToolResult
list_publications_tool(Database &database, const ToolCall &call)
{
    return document_for(
        call, use_cases::list_publications(database, call.caller, database_of(database, call),
                                           call.input.part(use_cases::publication_list_fields)));
}

ToolResult
retry_publication_tool(Database &database, const ToolCall &call)
{
    const std::string id = database_of(database, call);
    return document_for(call,
                        use_cases::retry_publication(
                            database, call.caller,
                            std::to_string(call.input.count("publication_id").value_or(0)), id));
}

ToolResult
revoke_credential_tool(Database &database, const ToolCall &call)
{
    return document_for(call, use_cases::revoke_credential(
                                  database, call.caller, database_of(database, call),
                                  text_of(call, "username"),
                                  call.input.part(use_cases::credential_revocation_fields)));
}

ToolResult
set_services_tool(Database &database, const ToolCall &call)
{
    return document_for(call,
                        use_cases::set_services(database, call.caller, database_of(database, call),
                                                call.input.part(use_cases::service_list_fields)));
}

ToolResult
rotate_service_tool(Database &database, const ToolCall &call)
{
    const std::string id = database_of(database, call);
    const use_cases::Service service = {text_of(call, "service_id"), text_of(call, "host_id")};
    Json publish = pack("{s:b}", "publish", static_cast<int>(call.publishes));
    const auto answer =
        use_cases::rotate_service(database, call.caller, id, service,
                                  Input(publish.get(), use_cases::service_rotation_fields));
    return hand_out(call, answer, {"", use_cases::service_target(database, id, service)});
}

} // namespace sidecar
