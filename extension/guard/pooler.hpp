/*
 * Pooler: what the session of a pooler's login may do.
 *
 * A pooler in front of the server (pgbouncer) logs in as POOLER_ROLE to ask a tenant's database for
 * the verifier of a login that it does not know. Its password lies in the pooler's configuration,
 * so whoever has that must get nothing more: the session reads from pooler_function and from
 * nothing else, and is bound by all rules of the database's tenant.
 */
#pragma once

#include "base/pg.hpp"

namespace appinfra::guard::pooler
{

/* The source of the one function that it may execute, which has the same name. */
#define POOLER_FUNCTION "appinfra_pooler_auth"

/* This process is the session of a pooler's login. Called by the login hook. */
void enter();

/* Tells whether the guard holds this process as the session of a pooler's login. */
bool is_session();

/* Refuse what such a session may not do: a query, a utility statement, a call of a function. */
void check_query(Query *query);
void check_statement(const Node *statement);
void check_function(Oid function);

} // namespace appinfra::guard::pooler
