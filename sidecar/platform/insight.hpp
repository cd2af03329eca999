// What goes on in a database: the use cases that tell what it uses, its sessions and statements,
// and that end a session. Every function first makes sure that the database is the caller's
// (ownership.hpp).
#pragma once

#include <string>

#include "platform/use_case.hpp"

namespace sidecar::use_cases
{

// What it uses, as it was measured last, and by day for a month.
Answer usage(Database &database, const Caller &caller, const std::string &db_id);

Answer list_sessions(Database &database, const Caller &caller, const std::string &db_id);

// Ends the session of the pid that began when it says. Throws not_found when there is none.
extern const FieldRule session_end_fields[1];
Answer end_session(Database &database, const Caller &caller, const std::string &db_id,
                   const std::string &pid, const Input &input);

// Those that took most time first; refused where the host counts none.
extern const FieldRule statement_fields[1];
Answer list_statements(Database &database, const Caller &caller, const std::string &db_id,
                       const Input &input);

} // namespace sidecar::use_cases
