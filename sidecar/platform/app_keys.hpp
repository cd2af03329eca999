// API keys of a database, for its owner: the use cases that mint, list and revoke them. Every
// function first makes sure that the database is the caller's (ownership.hpp).
#pragma once

#include <string>

#include "platform/use_case.hpp"
#include "platform/use_cases.hpp"

namespace sidecar::use_cases
{

// The variable of a published key.
inline constexpr const char *key_variable = "AGENTCOOPDB_API_KEY";

// add_key: the token is in the answer, this once; or with publish in the app's environment only.
extern const FieldRule key_fields[5];
Answer add_key(Database &database, const Caller &caller, const std::string &db_id,
               const Input &input);

// How far the delivery of a published key is.
Delivery key_delivery(Database &database, const std::string &db_id, const std::string &key_id);

Answer list_keys(Database &database, const Caller &caller, const std::string &db_id);

// revoke_key: no call of it begins any more.
extern const FieldRule key_revocation_fields[1];
Answer revoke_key(Database &database, const Caller &caller, const std::string &db_id,
                  const std::string &key_id, const Input &input);

} // namespace sidecar::use_cases
