/*
 * Rotation and further credentials: logins that a tenant gets after it was provisioned.
 */
#pragma once

#include "delivery/connection_builder.hpp"

namespace appinfra::rotation
{

/* The arguments of rotate_credential(). */
struct Rotation {
    const char *db_id;
    const char *variable;
    const Interval *grace;
    const Interval *deadline;
    bool publish;
};

/* Makes a new credential for the variable; the one it replaces retires by itself. */
connection_builder::Connection rotate(const Rotation &rotation);

/* Makes a credential for a person or a job, published nowhere. A null pointer: valid for ever. */
connection_builder::Connection issue(const char *db_id, const char *access,
                                     const Interval *valid_for);

/* Makes the user of a service. */
connection_builder::Connection create_service_user(const char *db_id, const char *service_id,
                                                   const char *host_id, const char *access,
                                                   bool publish);

/* Revokes the user of a service, frees its name and unsets its variables. */
void drop_service_user(const char *db_id, const char *service_id, const char *host_id);

/* Sets after how long the tenant's published credentials are rotated; null: as the host does. */
void set_rotation(const char *db_id, const Interval *rotate_after);

/* Rotates what is due by schedule; for the scheduler, each in a transaction of its own. */
void rotate_due();

} // namespace appinfra::rotation
