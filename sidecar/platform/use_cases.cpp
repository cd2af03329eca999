// See use_cases.hpp.
#include "platform/use_cases.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "platform/apps.hpp"
#include "platform/problem.hpp"
#include "platform/sql.hpp"

namespace sidecar::use_cases
{

const FieldRule provision_fields[7] = {
    {"app_id", FieldKind::text, true, "the app the database is for"},
    {"owner_user_id", FieldKind::text, false,
     "whose it is: the caller's own user, which is the default; an administrator may name another"},
    {"slug", FieldKind::text, false,
     "a DNS label, by default the app's registered one; my-app gives the database app_myapp, with a"
     " suffix when that is taken"},
    {"engine", FieldKind::text, false, "\"postgres\""},
    {"env", FieldKind::object, false,
     "variables and their access: owner, writer, reader or service; {\"DATABASE_URL\": \"owner\"}."
     " {\"access\": \"owner\", \"via\": \"pooler\"} in place of an access: the variable has the "
     "address"
     " of the pooler"},
    {"publish", FieldKind::flag, false,
     "true: the sidecar delivers the variables and the answer has no password; false by default"},
    {"idempotency_key", FieldKind::text, false,
     "the caller's own name for this request: a repetition gets the same database, no password"},
};

const FieldRule list_fields[3] = {
    {"app_id", FieldKind::text, false, "only the databases of this app"},
    {"limit", FieldKind::text, false, "how many, 1 to 500; 100 by default"},
    {"cursor", FieldKind::text, false, "next_cursor of the page before"},
};

const FieldRule rotate_fields[3] = {
    {"env_key", FieldKind::text, false, "the variable; DATABASE_URL by default"},
    {"grace", FieldKind::text, false,
     "how long the old credential lives after the new one's first login, such as 30m, 1h, 7d"},
    {"publish", FieldKind::flag, false,
     "true: the sidecar delivers the variable and the answer has no password; false by default"},
};

const FieldRule revoke_fields[1] = {{"reason", FieldKind::text, false, "for the audit"}};

const FieldRule restore_fields[1] = {
    {"publish", FieldKind::flag, false,
     "true: the sidecar delivers the variables and the answer has no password; false by default"},
};

const FieldRule remove_fields[1] = {
    {"retain", FieldKind::text, false, "how long it can be restored, such as 12h or 7d"},
};

const FieldRule audit_fields[3] = {
    {"db_id", FieldKind::text, false, "only what concerns this database"},
    {"after", FieldKind::text, false, "only rows with a higher id"},
    {"limit", FieldKind::text, false, "how many, 1 to 1000; 100 by default"},
};

namespace
{

constexpr std::string_view hex_digits = "0123456789abcdef";
constexpr std::string_view digits = "0123456789";

bool
is_db_id(std::string_view text)
{
    return text.size() == 15 && text.starts_with("db-") &&
           text.find_first_not_of(hex_digits, 3) == std::string_view::npos;
}

Problem
no_such_database()
{
    return not_found("there is no such database");
}

// A time such as 90s, 30m, 12h, 7d or 2w, as PostgreSQL reads it.
std::optional<std::string>
interval_of(const Input &input, const char *name)
{
    const auto text = input.text(name);
    if (!text)
        return std::nullopt;
    const std::size_t end = std::min(text->find_first_not_of(digits), text->size());
    const std::string unit = text->substr(end);
    const char *word = unit == "s"   ? " seconds"
                       : unit == "m" ? " minutes"
                       : unit == "h" ? " hours"
                       : unit == "d" ? " days"
                       : unit == "w" ? " weeks"
                                     : nullptr;
    if (end == 0 || end > 9 || word == nullptr)
        throw invalid_field(std::string("field \"") + name +
                            "\" must be a time such as 90s, 30m, 12h, 7d or 2w");
    return text->substr(0, end) + word;
}

// The answer, and whether it carries a password: the connection's own, or those of several
// variables.
Answer
connection_answer(const std::optional<std::string> &json)
{
    Answer answer;
    answer.json = json.value_or("{}");
    const Json document = parse_json(answer.json);
    const json_t *connection = json_object_get(document.get(), "connection");
    answer.secret = json_object_get(connection, "password") != nullptr ||
                    json_object_get(document.get(), "env") != nullptr;
    return answer;
}

Parameters
owned(const std::string &db_id, const Caller &caller)
{
    return {db_id, sql_flag(caller.admin), caller.user, claim_of(caller)};
}

// Keys of different users never meet, so that nobody learns of another's by guessing its key.
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

// Changes a database of the caller's in a transaction. Whose it is is asked again when the change
// has locked it: its app may have been given to somebody else meanwhile.
template <typename Body>
Answer
for_owner(Database &database, const Caller &caller, const std::string &db_id, Body body)
{
    own(database, caller, db_id);
    return for_caller(database, caller, [&] {
        Answer answer = body();
        own(database, caller, db_id);
        return answer;
    });
}

} // namespace

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
        input.object("env").value_or(R"({"DATABASE_URL": "owner"})"),
        sql_flag(input.flag("publish", false)),
        key,
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
    const std::int64_t limit = std::max<std::int64_t>(1, input.count("limit", 100, 500));
    if (input.text("app_id"))
        reach(database, caller, input.text("app_id"));
    std::optional<std::string> time, last;
    if (const auto cursor = input.text("cursor")) {
        const std::size_t dot = std::min(cursor->find('.'), cursor->size());
        time = cursor->substr(0, dot);
        last = cursor->substr(std::min(dot + 1, cursor->size()));
        if (time->empty() || time->size() > 17 || !is_db_id(*last) ||
            time->find_first_not_of(digits) != std::string::npos)
            throw invalid_field("field \"cursor\" is not one that was given out");
    }
    return {database
                .value(sql::list, {input.text("app_id"), sql_flag(caller.admin), caller.user, time,
                                   last, std::to_string(limit), claim_of(caller)})
                .value_or("{}")};
}

Answer
rotate(Database &database, const Caller &caller, const std::string &db_id, const Input &input)
{
    const auto grace = interval_of(input, "grace");
    return for_owner(database, caller, db_id, [&] {
        return connection_answer(
            database.value(sql::rotate, {db_id, input.text("env_key").value_or("DATABASE_URL"),
                                         grace, sql_flag(input.flag("publish", false))}));
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
    const auto retain = interval_of(input, "retain");
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
    const auto after = input.count("after", 0, INT64_MAX / 10);
    const auto limit = std::max<std::int64_t>(1, input.count("limit", 100, 1000));
    return {
        database
            .value(sql::audit, {input.text("db_id"), std::to_string(after), std::to_string(limit)})
            .value_or("{}")};
}

void
own(Database &database, const Caller &caller, const std::string &db_id,
    const std::optional<std::string> &app_id)
{
    const auto app =
        is_db_id(db_id) ? database.value(sql::own, owned(db_id, caller)) : std::nullopt;
    if (!app || (app_id && *app_id != *app))
        throw no_such_database();
}

Delivery
delivery(Database &database, const std::string &db_id, const std::string &variable)
{
    const Json state = parse_json(database.value(sql::delivery, {db_id, variable}).value_or("{}"));
    return {json_is_true(json_object_get(state.get(), "all_published")),
            json_is_true(json_object_get(state.get(), "failed")),
            string_member(state, "error").value_or("")};
}

Answer
retention(Database &database, const std::string &db_id)
{
    return {database.value(sql::retention, {db_id}).value_or("{}")};
}

} // namespace sidecar::use_cases
