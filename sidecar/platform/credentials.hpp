// Credentials of a database and their deliveries: the use cases that list, issue and revoke them,
// and that send a failed delivery once more. Every function first makes sure that the database is
// the caller's (ownership.hpp).
#pragma once

#include <string>

#include "platform/use_case.hpp"

namespace sidecar::use_cases
{

Answer list_credentials(Database &database, const Caller &caller, const std::string &db_id);

// issue_credential: for a person or a job, published nowhere.
extern const FieldRule credential_fields[2];
Answer issue_credential(Database &database, const Caller &caller, const std::string &db_id,
                        const Input &input);

// revoke_credential: no login any more, and its sessions are ended.
extern const FieldRule credential_revocation_fields[1];
Answer revoke_credential(Database &database, const Caller &caller, const std::string &db_id,
                         const std::string &username, const Input &input);

// The deliveries of a database's variables, the newest first.
extern const FieldRule publication_list_fields[2];
Answer list_publications(Database &database, const Caller &caller, const std::string &db_id,
                         const Input &input);

// Sends a failed delivery once more. Throws not_found when it is of no database of the caller's, or
// of another than db_id, if that is given.
Answer retry_publication(Database &database, const Caller &caller,
                         const std::string &publication_id,
                         const std::optional<std::string> &db_id = std::nullopt);

} // namespace sidecar::use_cases
