// Whose a database is. The rule a reader must know: every use case of a database first makes sure
// that it is the caller's, and answers another's as it answers one that does not exist.
#pragma once

#include <optional>
#include <string>

#include "platform/problem.hpp"
#include "platform/use_case.hpp"

namespace sidecar::use_cases
{

bool is_db_id(std::string_view text);

// What is answered of a database that is not there, or another's.
Problem no_such_database();

Problem no_such_bucket();

// What the statements that ask for ownership (REACHED in sql.hpp) begin with: what is asked for in
// $1, who asks in $2 to $4.
Parameters owned(const std::string &id, const Caller &caller);

// Throws not_found unless the database is the caller's, and (if it is given) the app's.
void own(Database &database, const Caller &caller, const std::string &db_id,
         const std::optional<std::string> &app_id = std::nullopt);

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

} // namespace sidecar::use_cases
