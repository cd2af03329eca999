/*
 * Services: users of their own for what works beside an app, one for each service on each host.
 *
 * A service user is a binding of six variables (PGUSER and its kind) in a target of its own. Its
 * login is called as service_username() says; a successor that overlaps with it has a number.
 */
#pragma once

#include "delivery/connection_builder.hpp"

namespace appinfra::services
{

/* A service on a host, and what its user may do. */
struct Service {
    const char *service_id;
    const char *host_id;
    const char *access;
};

/* Makes the user of a service. */
connection_builder::Connection create(const char *db_id, const Service &service, bool publish);

/* Revokes the user of a service, frees its name and unsets its variables. */
void drop(const char *db_id, const char *service_id, const char *host_id);

/* What set() did with a service. The user name is null where every credential is revoked. */
struct Change {
    const char *service_id;
    const char *host_id;
    const char *username;
    const char *action; /* made, kept, dropped */
};

/*
 * Gives the database the users of these services and no others: a JSON array of {"service_id",
 * "host_id", "access"}. A user of another access is dropped, and made once more. Returns what was
 * dropped, then what each entry came to.
 */
std::span<const Change> set(const char *db_id, const Jsonb *services);

} // namespace appinfra::services
