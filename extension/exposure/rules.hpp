/*
 * The rules of exposures: each is one query whose rows are exposures.
 *
 * Rules of the host run in the control database; rules of a tenant run inside its database, by a
 * database task (look_inside.hpp), and read nothing there but PostgreSQL's own catalogs. Severity:
 * `critical` (a tenant can reach the host or another tenant), `high` (one more mistake away from
 * that, or data is at risk), `medium` (a limit or a second line is missing), `notice` (good to
 * know). A row never holds a secret that it found.
 */
#pragma once

#include "base/query.hpp"

namespace appinfra::exposure
{

/* Columns of an exposure, all of them texts, in the order of Row. */
constexpr int columns = 7;

/* A query that gives rows of `columns` texts. */
struct Rule {
    query::Query query;
    bool appliable; /* its remedy can run in any database, inside a transaction */
};

/* A row of a rule. */
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

/* Calls `add` with the exposures that no query finds: of the version, and of readable settings. */
void look_at_server(void (*add)(void *, const Row &), void *self);

} // namespace appinfra::exposure
