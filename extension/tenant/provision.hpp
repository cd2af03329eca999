/*
 * Provisioning: a database for an app, as one ordinary transaction.
 *
 * provision() claims a shell: renames its database and groups, makes its logins, writes its
 * registry rows. It takes every lock without waiting, so callers never wait for each other's commit
 * and never deadlock; whatever it did is undone by a rollback.
 */
#pragma once

#include "delivery/connection_builder.hpp"

namespace appinfra::provisioning
{

/* The arguments of provision_tenant(), none of them checked yet but for NULL. */
struct Request {
    const char *app_id;
    const char *owner_user_id;
    const char *slug;
    const char *engine;
    Jsonb *env;
    bool publish;
    const char *idempotency_key; /* null pointer: none */
    const Interval *expires;     /* after what time it is taken away; null pointer: never */
};

/* Claims a database for an app. The result lives in the caller's memory context. */
connection_builder::Connection provision(const Request &request);

} // namespace appinfra::provisioning
