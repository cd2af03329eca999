// See services.hpp.
#include "platform/services.hpp"

#include "platform/access_sql.hpp"
#include "platform/ownership.hpp"

namespace sidecar::use_cases
{
namespace
{

constexpr FieldRule service_access_field = {"access", FieldKind::text, false,
                                            "what it may do; reader by default", access_shape};

constexpr const char *services_shape = R"({"maxItems": 256, "items": {"type": "object",
    "required": ["service_id", "host_id"], "additionalProperties": false, "properties": {
    "service_id": {"type": "string"}, "host_id": {"type": "string"},
    "access": {"type": "string", "enum": ["owner", "writer", "reader", "service"]}}}})";

} // namespace

const FieldRule service_fields[4] = {
    {"service_id", FieldKind::text, true, "the service, such as worker"},
    {"host_id", FieldKind::text, true, "where this instance of it runs, such as host-1"},
    service_access_field,
    publish_field,
};

const FieldRule service_list_fields[1] = {
    {"services", FieldKind::list, true,
     "every service that shall have a user, at most 256; an empty list drops all", services_shape},
};

const FieldRule service_rotation_fields[3] = {
    {"grace", FieldKind::time, false,
     "how long the old credential lives after the new one's first login, such as 30m, 1h, 7d; 0s"
     " keeps the name and revokes the old one at once"},
    {"deadline", FieldKind::time, false,
     "after what time the old one is revoked although the new one was never used; 7d by default"},
    publish_field,
};

Answer
list_services(Database &database, const Caller &caller, const std::string &db_id)
{
    own(database, caller, db_id);
    return {database.value(sql::list_services, {db_id}).value_or("{}")};
}

Answer
create_service(Database &database, const Caller &caller, const std::string &db_id,
               const Input &input)
{
    return for_owner(database, caller, db_id, [&] {
        return connection_answer(database.value(
            sql::create_service,
            {db_id, input.text("service_id"), input.text("host_id"),
             input.text("access").value_or("reader"), sql_flag(input.flag("publish", false))}));
    });
}

Answer
set_services(Database &database, const Caller &caller, const std::string &db_id, const Input &input)
{
    return for_owner(database, caller, db_id, [&]() -> Answer {
        return {
            database.value(sql::set_services, {db_id, input.document("services")}).value_or("{}")};
    });
}

Answer
rotate_service(Database &database, const Caller &caller, const std::string &db_id,
               const Service &service, const Input &input)
{
    return for_owner(database, caller, db_id, [&] {
        return connection_answer(
            database.value(sql::rotate_service,
                           {db_id, service.service_id, service.host_id, input.interval("grace"),
                            input.interval("deadline"), sql_flag(input.flag("publish", false))}));
    });
}

Answer
drop_service(Database &database, const Caller &caller, const std::string &db_id,
             const Service &service)
{
    return for_owner(database, caller, db_id, [&]() -> Answer {
        auto json = database.value(sql::service, {db_id, service.service_id, service.host_id});
        database.value(sql::drop_service, {db_id, service.service_id, service.host_id});
        return {json.value_or("{}")};
    });
}

std::string
service_target(Database &database, const std::string &db_id, const Service &service)
{
    return database.value(sql::service_target, {db_id, service.service_id, service.host_id})
        .value_or("");
}

} // namespace sidecar::use_cases
