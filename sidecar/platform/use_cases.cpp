// See use_cases.hpp.
#include "platform/use_cases.hpp"

#include <algorithm>
#include <limits>

#include "base/text.hpp"
#include "platform/access_sql.hpp"
#include "platform/apps.hpp"
#include "platform/ownership.hpp"
#include "platform/problem.hpp"
#include "platform/sql.hpp"

namespace sidecar::use_cases
{

const FieldRule provision_fields[8] = {
    {"app_id", FieldKind::text, true, "the app the database is for"},
    {"owner_user_id", FieldKind::text, false,
     "whose it is: the caller's own user, which is the default; an administrator may name another"},
    {"slug", FieldKind::text, false,
     "a DNS label, by default the app's registered one; my-app gives the database app_myapp, with a"
     " suffix when that is taken"},
    {"engine", FieldKind::text, false, "\"postgres\", which is the default"},
    {"env", FieldKind::object, false,
     "variables and their access, or access and way; {\"DATABASE_URL\": \"owner\"} by default",
     env_shape},
    publish_field,
    {"idempotency_key", FieldKind::text, false,
     "the caller's own name for this request: a repetition gets the same database, no password"},
    {"expires", FieldKind::time, false,
     "for tests and previews: after what time it is removed by itself, such as 12h; never if "
     "absent"},
};

const FieldRule list_fields[3] = {
    {"app_id", FieldKind::text, false, "only the databases of this app"},
    limit_field(500),
    {"cursor", FieldKind::text, false, "next_cursor of the page before"},
};

const FieldRule rotate_fields[6] = {
    {"env_key", FieldKind::text, false, "the variable; DATABASE_URL by default"},
    {"grace", FieldKind::time, false,
     "how long the old credential lives after the new one's first login, such as 30m, 1h, 7d"},
    {"deadline", FieldKind::time, false,
     "after what time the old one is revoked although the new one was never used; 7d by default"},
    other_app_field,
    container_field,
    publish_field,
};

const FieldRule revoke_fields[1] = {reason_field};

const FieldRule restore_fields[1] = {publish_field};

const FieldRule remove_fields[1] = {
    {"retain", FieldKind::time, false, "how long it can be restored, such as 12h or 7d"},
};

const FieldRule audit_fields[3] = {
    {"db_id", FieldKind::text, false, "only what concerns this database"},
    {"after", FieldKind::count, false, "only rows with a higher id", nullptr, 0,
     std::numeric_limits<std::int64_t>::max() / 10},
    limit_field(1000),
};

namespace
{

constexpr std::string_view digits = "0123456789";

} // namespace

std::optional<std::string>
key_of(const Caller &caller, const Input &input)
{
    const auto key = input.text("idempotency_key");
    if (!key)
        return std::nullopt;
    if (key->empty() || key->size() > 255)
        throw invalid_field("the idempotency key must have 1 to 255 characters");
    return "u-" + sha256_hex(caller.user + '\0' + *key);
}

Cursor
cursor_of(const Input &input, bool (*is_id)(std::string_view))
{
    const auto cursor = input.text("cursor");
    if (!cursor)
        return {};
    const std::size_t dot = std::min(cursor->find('.'), cursor->size());
    Cursor found{cursor->substr(0, dot), cursor->substr(std::min(dot + 1, cursor->size()))};
    if (found.time->empty() || found.time->size() > 17 || !is_id(*found.last) ||
        found.time->find_first_not_of(digits) != std::string::npos)
        throw invalid_field("field \"cursor\" is not one that was given out");
    return found;
}

std::string
slug_of(const std::string &app)
{
    std::string slug;
    for (const char c : app) {
        const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
        const bool plain = (lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9');
        slug += plain ? lower : '-';
    }
    if (slug.empty() || slug.front() < 'a' || slug.front() > 'z')
        slug = "app-" + slug;
    slug.resize(std::min<std::size_t>(slug.size(), 63));
    while (slug.ends_with('-'))
        slug.pop_back();
    return slug;
}

Delivery
delivery_of(const std::optional<std::string> &json)
{
    const Json state = parse_json(json.value_or("{}"));
    return {json_is_true(json_object_get(state.get(), "all_published")),
            json_is_true(json_object_get(state.get(), "failed")),
            string_member(state, "error").value_or("")};
}

Answer
provision(Database &database, const Caller &caller, const Input &input,
          const std::optional<std::string> &usual_slug)
{
    const App app = reach(database, caller, input.text("app_id"));
    auto slug = input.text("slug");
    if (!slug && !app.slug && !(slug = usual_slug))
        throw invalid_field("field \"slug\" is missing, and the app has no default one");
    const auto key = key_of(caller, input);
    const Parameters parameters = {
        input.text("app_id"),
        owner_of(caller, input, app),
        slug,
        input.text("engine").value_or("postgres"),
        input.document("env").value_or(R"({"DATABASE_URL": "owner"})"),
        sql_flag(input.flag("publish", false)),
        key,
        input.interval("expires"),
    };
    return for_caller(database, caller, [&] {
        Answer answer = connection_answer(database.value(sql::provision, parameters));
        const Json document = parse_json(answer.json);
        answer.created =
            !key || database.value(sql::is_new, {string_member(document, "db_id")}) == "t";
        return answer;
    });
}

Answer
get(Database &database, const Caller &caller, const std::string &db_id)
{
    auto json = is_db_id(db_id) ? database.value(sql::get, owned(db_id, caller)) : std::nullopt;
    if (!json)
        throw no_such_database();
    return {std::move(*json)};
}

Answer
list(Database &database, const Caller &caller, const Input &input)
{
    const std::int64_t limit = input.count("limit").value_or(100);
    if (input.text("app_id"))
        reach(database, caller, input.text("app_id"));
    const Cursor cursor = cursor_of(input, is_db_id);
    return {
        database
            .value(sql::list, {input.text("app_id"), sql_flag(caller.admin), caller.user,
                               cursor.time, cursor.last, std::to_string(limit), claim_of(caller)})
            .value_or("{}")};
}

Answer
rotate(Database &database, const Caller &caller, const std::string &db_id, const Input &input)
{
    return for_owner(database, caller, db_id, [&] {
        return connection_answer(
            database.value(sql::rotate, {db_id, input.text("env_key").value_or("DATABASE_URL"),
                                         input.interval("grace"), input.interval("deadline"),
                                         sql_flag(input.flag("publish", false)),
                                         input.text("container"), input.text("app_id")}));
    });
}

Answer
revoke(Database &database, const Caller &caller, const std::string &db_id, const Input &input)
{
    return for_owner(database, caller, db_id, [&]() -> Answer {
        return {database.value(sql::revoke, {db_id, input.text("reason")}).value_or("{}")};
    });
}

Answer
restore(Database &database, const Caller &caller, const std::string &db_id, const Input &input)
{
    return for_owner(database, caller, db_id, [&] {
        return connection_answer(
            database.value(sql::restore, {db_id, sql_flag(input.flag("publish", false))}));
    });
}

Answer
remove(Database &database, const Caller &caller, const std::string &db_id, const Input &input)
{
    const auto retain = input.interval("retain");
    return for_owner(database, caller, db_id, [&] {
        database.value(sql::remove, {db_id, retain});
        return retention(database, db_id);
    });
}

Answer
exposures(Database &database, const Caller &caller, const std::string &db_id)
{
    own(database, caller, db_id);
    return {database.value(sql::exposures, {db_id, sql_flag(caller.admin)}).value_or("{}")};
}

Answer
check(Database &database, const Caller &caller, const std::string &db_id)
{
    own(database, caller, db_id);
    return {database.value(sql::check, {db_id, sql_flag(caller.admin)}).value_or("{}")};
}

Answer
audit(Database &database, const Input &input)
{
    const std::int64_t after = input.count("after").value_or(0);
    const std::int64_t limit = input.count("limit").value_or(100);
    return {
        database
            .value(sql::audit, {input.text("db_id"), std::to_string(after), std::to_string(limit)})
            .value_or("{}")};
}

Delivery
delivery(Database &database, const std::string &db_id, const std::string &variable,
         const std::string &target)
{
    return delivery_of(database.value(sql::delivery, {db_id, variable, target}));
}

Answer
retention(Database &database, const std::string &db_id)
{
    return {database.value(sql::retention, {db_id}).value_or("{}")};
}

} // namespace sidecar::use_cases
