// See variables.hpp.
#include "platform/variables.hpp"

#include <limits>

#include "platform/access_sql.hpp"
#include "platform/apps.hpp"
#include "platform/ownership.hpp"
#include "platform/problem.hpp"
#include "platform/use_cases.hpp"

namespace sidecar::use_cases
{

const FieldRule bind_fields[4] = {
    {"env", FieldKind::object, true, "variables and their access, or access and way", env_shape},
    other_app_field,
    container_field,
    publish_field,
};

const FieldRule unbind_fields[3] = {
    {"variables", FieldKind::text, true, "their names, with commas between them"},
    other_app_field,
    container_field,
};

const FieldRule alter_fields[5] = {
    {"connection_limit", FieldKind::count, false,
     "how many connections it may have, all logins together", nullptr, 1, 262143},
    {"statement_timeout", FieldKind::time, false, "how long a statement may take; 0s: any time"},
    {"idle_in_transaction_timeout", FieldKind::time, false,
     "how long a transaction may wait for its client; 0s: any time"},
    {"disk_limit", FieldKind::count, false,
     "how many bytes its files may take, for administrators; 0: any number", nullptr, 0,
     std::numeric_limits<std::int64_t>::max() / 10},
    {"expires", FieldKind::time, false,
     "from now on, after what time it is removed by itself; 0s: never"},
};

namespace
{

// Throws a Problem unless the caller reaches the app and it is, or will be, the database's owner's.
void
check_app(Database &database, const Caller &caller, const std::string &db_id,
          const std::string &app_id)
{
    const App app = reach(database, caller, app_id);
    const Json known = parse_json(get(database, caller, db_id).json);
    if (app.owner && app.owner != string_member(known, "owner_user_id"))
        throw Problem(409, "conflict", "the app belongs to another user than the database");
}

} // namespace

Answer
list_variables(Database &database, const Caller &caller, const std::string &db_id)
{
    own(database, caller, db_id);
    return {database.value(sql::list_variables, {db_id}).value_or("{}")};
}

Answer
bind_variables(Database &database, const Caller &caller, const std::string &db_id,
               const Input &input)
{
    const auto app = input.text("app_id");
    return for_owner(database, caller, db_id, [&] {
        const std::string publish = sql_flag(input.flag("publish", false));
        if (app)
            check_app(database, caller, db_id, *app);
        return connection_answer(
            app ? database.value(sql::bind_app, {db_id, app, input.document("env"), publish,
                                                 input.text("container")})
                : database.value(sql::bind_variables,
                                 {db_id, input.document("env"), publish, input.text("container")}));
    });
}

Answer
unbind_variables(Database &database, const Caller &caller, const std::string &db_id,
                 const Input &input)
{
    return for_owner(database, caller, db_id, [&]() -> Answer {
        return {database
                    .value(sql::unbind_variables, {db_id, input.text("variables"),
                                                   input.text("container"), input.text("app_id")})
                    .value_or("{}")};
    });
}

Answer
alter(Database &database, const Caller &caller, const std::string &db_id, const Input &input)
{
    const auto limit = input.count("connection_limit");
    const auto disk = input.count("disk_limit");
    if (disk && !caller.admin)
        throw Problem(403, "forbidden", "disk_limit is for administrators to set");
    const auto text = [](const std::optional<std::int64_t> &count) {
        return count ? std::optional(std::to_string(*count)) : std::nullopt;
    };
    return for_owner(database, caller, db_id, [&] {
        database.value(sql::alter, {db_id, text(limit), input.interval("statement_timeout"),
                                    input.interval("idle_in_transaction_timeout"), text(disk),
                                    input.interval("expires")});
        return get(database, caller, db_id);
    });
}

} // namespace sidecar::use_cases
