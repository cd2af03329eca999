/*
 * Hardening: what a database of ours gets inside, as SQL scripts that can be run again.
 *
 * The *catalog* part is the same for the template, shells and tenants: revokes, the functions by
 * which a tenant sees and ends its own sessions, and the one that a pooler asks. The *dress* part
 * names a tenant's group roles: schema, grants, default privileges. All of it is recorded as
 * initial privileges, so that a tenant's dump does not carry it; hence a restored database lacks it
 * until it is hardened again.
 */
#pragma once

#include "base/pg.hpp"

namespace appinfra::hardening
{

/* Grows with every change of what is here; the registry and labels say which one a database has. */
constexpr int version = 4;

/*
 * Raises when an event trigger of the current database, other than a superuser's, would run with
 * what is done here.
 */
void check_event_triggers();

/* Runs statements that make the server's own functions and views what they were. */
void put_back(const char *script);

/* Hardens the catalogs of the current database. In a setup worker's transaction. */
void harden_catalogs();

/* Makes the current database that of the group roles whose names begin with `name`. */
void dress(const char *name);

} // namespace appinfra::hardening
