// What all use cases have in common: their answer, the transaction in which they act for a caller,
// and how they say in SQL who asks.
#pragma once

#include <optional>
#include <string>

#include "platform/caller.hpp"
#include "platform/database.hpp"
#include "platform/fields.hpp"

namespace sidecar::use_cases
{

// What the schemas of fields say that several use cases have.
inline constexpr const char *access_shape = R"({"enum": ["owner", "writer", "reader", "service"]})";
inline constexpr const char *env_shape = R"({"minProperties": 1, "additionalProperties": {"oneOf": [
    {"type": "string", "enum": ["owner", "writer", "reader", "service"]},
    {"type": "object", "required": ["access"], "additionalProperties": false, "properties": {
     "access": {"type": "string", "enum": ["owner", "writer", "reader", "service"]},
     "via": {"type": "string", "enum": ["pooler"],
             "description": "the DSN has the address of the pooler"}}}]}})";

inline constexpr const char *key_role_shape = R"({"enum": ["dbadmin", "dbuser", "reader"]})";

inline constexpr FieldRule publish_field = {
    "publish", FieldKind::flag, false,
    "true: the sidecar delivers the variables and the answer has no password; false by default"};
inline constexpr FieldRule reason_field = {"reason", FieldKind::text, false, "for the audit"};

// Where a variable is, besides the app's own environment.
inline constexpr FieldRule container_field = {
    "container", FieldKind::text, false,
    "a container of the app with an environment of its own; the app's own environment if absent"};
inline constexpr FieldRule other_app_field = {
    "app_id", FieldKind::text, false,
    "another app of the same owner; the app that the database was made for if absent"};

constexpr FieldRule
limit_field(std::int64_t max)
{
    return {"limit", FieldKind::count, false, "how many; 100 by default", nullptr, 1, max};
}

// A JSON document, and whether it says a password.
struct Answer {
    std::string json;
    bool secret = false;
    bool created = false;
    int status = 0; // of the response, when it is not the route's usual one
};

// The answer that a connection (CONNECTION_DOCUMENT in sql.hpp) is: it is secret when it carries a
// password, the connection's own or those of several variables.
Answer connection_answer(const std::optional<std::string> &json);

// Runs body in a transaction of its own, which the audit says is the caller's.
template <typename Body>
auto
for_caller(Database &database, const Caller &caller, Body body)
{
    database.begin();
    database.act_for(caller.user);
    auto result = body();
    database.commit();
    return result;
}

// Returns a truth value as a parameter of a statement.
inline std::string
sql_flag(bool value)
{
    return value ? "t" : "f";
}

// Returns the apps that the caller's token names as a parameter of a statement.
inline std::optional<std::string>
claim_of(const Caller &caller)
{
    return caller.apps.empty() ? std::nullopt : std::optional<std::string>(caller.apps);
}

} // namespace sidecar::use_cases
