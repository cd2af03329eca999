// See app_keys.hpp.
#include "platform/app_keys.hpp"

#include "platform/key_sql.hpp"
#include "platform/ownership.hpp"
#include "platform/problem.hpp"

namespace sidecar::use_cases
{

const FieldRule key_fields[5] = {
    {"role", FieldKind::text, true, "what the key may", key_role_shape},
    {"name", FieldKind::text, false, "what lists call it"},
    {"env", FieldKind::text, false, "stands in the key; live by default",
     R"({"enum": ["dev", "live", "test"]})"},
    {"valid_for", FieldKind::time, false,
     "after what time it expires, such as 12h or 30d; valid until revoked if absent"},
    publish_field,
};

const FieldRule key_revocation_fields[1] = {reason_field};

Answer
add_key(Database &database, const Caller &caller, const std::string &db_id, const Input &input)
{
    const auto role = input.text("role");
    if (input.flag("publish", false)) {
        for (const char *name : {"name", "env"})
            if (input.text(name))
                throw invalid_field("field \"" + std::string(name) + "\" goes without \"publish\"");
        if (input.interval("valid_for"))
            throw invalid_field("field \"valid_for\" goes without \"publish\"");
        return for_owner(database, caller, db_id, [&]() -> Answer {
            return {database.value(sql::publish_key, {db_id, role}).value_or("{}")};
        });
    }
    return for_owner(database, caller, db_id, [&]() -> Answer {
        return {database
                    .value(sql::mint_key,
                           {db_id, role, input.text("name"), input.text("env").value_or("live"),
                            input.interval("valid_for")})
                    .value_or("{}"),
                true};
    });
}

Delivery
key_delivery(Database &database, const std::string &db_id, const std::string &key_id)
{
    return delivery_of(database.value(sql::key_delivery, {db_id, key_id}));
}

Answer
list_keys(Database &database, const Caller &caller, const std::string &db_id)
{
    own(database, caller, db_id);
    return {database.value(sql::list_keys, {db_id}).value_or("{}")};
}

Answer
revoke_key(Database &database, const Caller &caller, const std::string &db_id,
           const std::string &key_id, const Input &input)
{
    return for_owner(database, caller, db_id, [&]() -> Answer {
        auto json = database.value(sql::revoke_key, {db_id, key_id, input.text("reason")});
        if (!json)
            throw not_found("there is no such key");
        return {std::move(*json)};
    });
}

} // namespace sidecar::use_cases
