/*
 * Identifiers: what a caller may call things, and what the host calls them.
 *
 * Words: slug (a DNS label), base (a tenant's database name, at most 50 bytes so that the names of
 * its group roles and later logins fit into 63), variable (of an environment), target (whose
 * environment). Checkers return a Refusal; nothing here looks at a catalog.
 */
#pragma once

#include "base/refusal.hpp"

namespace appinfra::identifiers
{

constexpr int base_limit = 50;       /* bytes of a database name, suffix included */
constexpr int identifier_limit = 63; /* NAMEDATALEN - 1 */
constexpr int app_id_limit = 128;    /* characters */
constexpr int container_limit = 63;  /* characters, as of a DNS label */
constexpr int owner_limit = 320;     /* bytes: the longest e-mail address */
constexpr int key_limit = 255;       /* bytes of an idempotency key */
constexpr int variables_limit = 16;  /* variables a tenant may be given in one call */

const Refusal *check_app_id(const char *app_id);
const Refusal *check_owner(const char *owner_user_id);
const Refusal *check_slug(const char *slug);
const Refusal *check_engine(const char *engine);
const Refusal *check_variable(const char *variable);
const Refusal *check_container(const char *container);
const Refusal *check_idempotency_key(const char *key);
const Refusal *check_service_id(const char *what, const char *id);

/* Returns the database name of a slug: `my-app` gives `app_myapp`. */
char *base_of_slug(const char *slug);

/* Returns another name for the same base: cut to fit, `_`, six random hex digits. */
char *base_with_suffix(const char *base);

/* The login of a pooler in front of the server: see guard/pooler.hpp. */
#define POOLER_ROLE "appinfra_pooler"

/* What a login may do in its database. Each is also a group role, made in this order. */
constexpr std::array<const char *, 4> accesses = {"owner", "writer", "reader", "service"};

/* Returns the name of the role that holds an access to the database: `<base>_<access>`. */
char *group_role(const char *base, const char *access);
#define SQL_GROUP_ROLE(base, access) "(" base "::text || '_' || " access ")" /* the same in SQL */

/* Returns the n-th name for a base: the base itself, then `<base>_2`, …, cut to fit 63 bytes. */
char *numbered(const char *base, int n);

/* Returns the role name of a service user, deterministic, at most 63 bytes of valid text. */
char *service_user(const char *service_id, const char *host_id);

/* Returns the long form for a tenant whose plain name somebody else has. */
char *service_user_of(const char *db_id, const char *service_id, const char *host_id);

/* Returns the target of an app: the id with `/` and `%` percent-encoded. */
char *app_target(const char *app_id);

/* Returns the first 64 bytes of a value for an error message, never half a character. */
char *excerpt(const char *value);

/* Appends text percent-encoded as RFC 3986 asks for any part of a URI. */
void append_percent_encoded(StringInfo to, const char *text);

} // namespace appinfra::identifiers
