// Which variables of which environments carry a database's DSN: the use cases that list, bind and
// unbind them, and that change the limits of a database. Every function first makes sure that the
// database is the caller's (ownership.hpp), and so is the other app where one is named.
#pragma once

#include <string>

#include "platform/use_case.hpp"

namespace sidecar::use_cases
{

Answer list_variables(Database &database, const Caller &caller, const std::string &db_id);

// bind: env, and optionally app_id, container, publish. The answer is a connection.
extern const FieldRule bind_fields[4];
Answer bind_variables(Database &database, const Caller &caller, const std::string &db_id,
                      const Input &input);

// unbind: variables, and optionally app_id and container.
extern const FieldRule unbind_fields[3];
Answer unbind_variables(Database &database, const Caller &caller, const std::string &db_id,
                        const Input &input);

// alter: the limits of a database, and when it expires; what is absent stays as it is.
extern const FieldRule alter_fields[5];
Answer alter(Database &database, const Caller &caller, const std::string &db_id,
             const Input &input);

} // namespace sidecar::use_cases
