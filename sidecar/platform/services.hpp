// Users of a database for services beside the app: the use cases that list, make, renew and drop
// them. Every function first makes sure that the database is the caller's (ownership.hpp).
#pragma once

#include <string>

#include "platform/use_case.hpp"

namespace sidecar::use_cases
{

// One instance of a service, as a database knows it.
struct Service {
    std::string service_id;
    std::string host_id;
};

Answer list_services(Database &database, const Caller &caller, const std::string &db_id);

// create_service: service_id, host_id, and optionally access and publish. The answer is a
// connection.
extern const FieldRule service_fields[4];
Answer create_service(Database &database, const Caller &caller, const std::string &db_id,
                      const Input &input);

// set_services: gives the database the users of these services and no others.
extern const FieldRule service_list_fields[1];
Answer set_services(Database &database, const Caller &caller, const std::string &db_id,
                    const Input &input);

// rotate_service: a new credential; the one it replaces retires.
extern const FieldRule service_rotation_fields[3];
Answer rotate_service(Database &database, const Caller &caller, const std::string &db_id,
                      const Service &service, const Input &input);

Answer drop_service(Database &database, const Caller &caller, const std::string &db_id,
                    const Service &service);

// Returns where the variables of a service stand at the producer; "" when there is none such.
std::string service_target(Database &database, const std::string &db_id, const Service &service);

} // namespace sidecar::use_cases
