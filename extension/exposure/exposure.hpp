/*
 * Exposures: what is open on this host, and the statement that closes it.
 *
 * A *rule* is one query whose rows are exposures. Rules of the host run in the control database;
 * rules of a tenant run inside its database, by visitors (visit.hpp), and read nothing there but
 * PostgreSQL's own catalogs. Severity: `critical` (a tenant can reach the host or another tenant),
 * `high` (one more mistake away from that, or data is at risk), `medium` (a limit or a second line
 * is missing), `notice` (good to know). A row never holds a secret that it found.
 */
#pragma once

#include "base/query.hpp"
#include "workers/visit.hpp"

namespace appinfra::exposure
{

/* A query that gives rows of visit::columns texts: severity, rule, … as exposures() shows them. */
struct Rule {
    query::Query query;
    bool appliable; /* its remedy can run in any database, inside a transaction */
};

/* What a rule's row looks like. */
struct Row {
    const char *severity;
    const char *rule;
    const char *database;
    const char *object;
    const char *grantee;
    const char *detail;
    const char *remedy;
};

/* Rows of one rule in one database beyond this are not shown, but said. */
constexpr int rows_limit = 100;

/* The rules of the host: roles; databases and settings; the server. $1: db_id, NULL: all. */
std::span<Rule> role_rules();
std::span<Rule> database_rules();
std::span<Rule> server_rules();

/* Calls `add` with what no query can find: the server's version, settings everyone may read. */
void look_at_server(void (*add)(void *, const Row &), void *self);

/* Appends everything to the result, or what concerns the host and one tenant. */
void report(const char *db_id, ReturnSetInfo *result);

/* For visitors: sends what is open in the current database. Outside a transaction. */
void look_inside(const visit::Order &order);

} // namespace appinfra::exposure
