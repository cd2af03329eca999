// See apps.hpp.
#include "platform/apps.hpp"

#include "platform/problem.hpp"
#include "platform/sql.hpp"

namespace sidecar::use_cases
{

const FieldRule app_fields[2] = {
    {"owner_user_id", FieldKind::text, true, "whose the app is"},
    {"slug", FieldKind::text, false, "the default slug of the app's databases; none if absent"},
};

const FieldRule transfer_fields[1] = {
    {"owner_user_id", FieldKind::text, true, "who gets the app and its databases"},
};

const FieldRule app_list_fields[3] = {
    {"owner_user_id", FieldKind::text, false, "only the apps of this user"},
    limit_field(500),
    {"cursor", FieldKind::text, false, "next_cursor of the page before"},
};

namespace
{

// Throws not_found for what no app can be called; libpq would cut it at a NUL.
void
check_app_id(const std::string &app_id)
{
    if (!is_user(app_id))
        throw not_found("there is no such app");
}

Answer
document_of(Database &database, const std::string &app_id)
{
    auto json = database.value(sql::app, {app_id});
    if (!json)
        throw not_found("there is no such app");
    return {std::move(*json)};
}

} // namespace

App
reach(Database &database, const Caller &caller, const std::optional<std::string> &app_id)
{
    const auto json = database.value(sql::reach, {app_id, sql_flag(caller.admin), caller.user,
                                                  claim_of(caller), sql_flag(caller.may_found)});
    if (!json)
        throw not_found("there is no such app");
    const Json known = parse_json(*json);
    return {string_member(known, "owner"), string_member(known, "slug")};
}

std::string
owner_of(const Caller &caller, const Input &input, const App &app)
{
    const std::string usual = app.owner.value_or(caller.user);
    std::string owner = input.text("owner_user_id").value_or(usual);
    if (!caller.admin && owner != caller.user && owner != app.owner)
        throw Problem(403, "forbidden", "owner_user_id must be your own user");
    if (app.owner && owner != app.owner)
        throw Problem(caller.admin ? 409 : 403, caller.admin ? "conflict" : "forbidden",
                      "the app belongs to another user");
    return owner;
}

Answer
register_app(Database &database, const Caller &caller, const std::string &app_id,
             const Input &input)
{
    check_app_id(app_id);
    return for_caller(database, caller, [&] {
        database.value(sql::register_app,
                       {app_id, input.text("owner_user_id"), input.text("slug")});
        return document_of(database, app_id);
    });
}

Answer
get_app(Database &database, const std::string &app_id)
{
    check_app_id(app_id);
    return document_of(database, app_id);
}

Answer
unregister_app(Database &database, const Caller &caller, const std::string &app_id)
{
    check_app_id(app_id);
    return for_caller(database, caller, [&] {
        Answer answer = document_of(database, app_id);
        database.value(sql::unregister_app, {app_id});
        return answer;
    });
}

Answer
transfer_app(Database &database, const Caller &caller, const std::string &app_id,
             const Input &input)
{
    check_app_id(app_id);
    return for_caller(database, caller, [&] {
        database.value(sql::transfer_app, {app_id, input.text("owner_user_id")});
        return document_of(database, app_id);
    });
}

Answer
list_apps(Database &database, const Input &input)
{
    const std::int64_t limit = input.count("limit").value_or(100);
    return {database
                .value(sql::list_apps,
                       {input.text("owner_user_id"), input.text("cursor"), std::to_string(limit)})
                .value_or("{}")};
}

} // namespace sidecar::use_cases
