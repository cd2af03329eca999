// What concerns the whole host: its pool, what is open anywhere, the deliveries of all databases.
// For administrators, which the doors see to.
#pragma once

#include "platform/use_case.hpp"

namespace sidecar::use_cases
{

// The databases that are ready to be claimed, and those being built.
Answer list_pool(Database &database);

// What is open on the host and in every database.
Answer host_exposures(Database &database);

// The deliveries of all databases, the newest first; of one status, if it is given.
extern const FieldRule all_publications_fields[3];
Answer list_all_publications(Database &database, const Input &input);

} // namespace sidecar::use_cases
