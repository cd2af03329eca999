/*
 * Tenants: provisioning, as one ordinary transaction.
 *
 * provision() claims a shell: renames its database and groups, makes its logins, writes its
 * registry rows. It takes every lock without waiting, so callers never wait for each other's commit
 * and never deadlock; whatever it did is undone by a rollback.
 */
#pragma once

#include "delivery/connection_builder.hpp"

namespace appinfra::tenant
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
};

/* Claims a database for an app. The result lives in the caller's memory context. */
handout::Connection provision(const Request &request);

/* Refuses while this host or this transaction cannot provision. */
const Refusal *check_host();
const Refusal *check_guard();
const Refusal *check_hooks(); /* after something was done that passes them */
const Refusal *check_transaction();

/* Returns the release below which this server has holes that are open to tenants; 0: not known. */
int security_floor();

} // namespace appinfra::tenant
