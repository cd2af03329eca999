/*
 * Rotation and further credentials: logins that a tenant gets after it was provisioned.
 */
#pragma once

#include "delivery/connection_builder.hpp"

namespace appinfra::rotation
{

/* The arguments of rotate_credential(), and of rotate_service_user(). */
struct Rotation {
    const char *db_id;
    const char *variable; /* of the app; a null pointer: a service user is rotated */
    const char *service_id;
    const char *host_id;
    const char *app_id;    /* whose variable it is; a null pointer: the database's own app */
    const char *container; /* of that app; a null pointer: its own environment */
    const Interval *grace;
    const Interval *deadline;
    bool publish;
};

/*
 * Makes a new credential for the variable, or for the service. The one it replaces retires by
 * itself, and has another name. A service user without grace keeps its name: what it had is revoked
 * first, so that until the new one is published the service cannot log in.
 */
connection_builder::Connection rotate(const Rotation &rotation);

/*
 * Makes the successor of the binding's credential, with the binding's access, and starts the
 * predecessor's retirement. The tenant is locked.
 */
void replace(connection_builder::Builder *builder, const tenant::Tenant &tenant,
             const binding::Binding &binding, const Rotation &rotation);

/* Makes a credential for a person or a job, published nowhere. A null pointer: valid for ever. */
connection_builder::Connection issue(const char *db_id, const char *access,
                                     const Interval *valid_for);

/* Sets after how long the tenant's published credentials are rotated; null: as the host does. */
void set_rotation(const char *db_id, const Interval *rotate_after);

/* Rotates what is due by schedule; for the scheduler, each in a transaction of its own. */
void rotate_due();

} // namespace appinfra::rotation
