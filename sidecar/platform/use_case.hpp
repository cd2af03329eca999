// What all use cases have in common: their answer, the transaction in which they act for a caller,
// and how they say in SQL who asks.
#pragma once

#include <optional>
#include <string>

#include "platform/caller.hpp"
#include "platform/database.hpp"

namespace sidecar::use_cases
{

// A JSON document, and whether it says a password.
struct Answer {
    std::string json;
    bool secret = false;
    bool created = false;
};

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
