/*
 * Labels: what marks a role as a tenant's, and a database as one of ours.
 *
 * A label is three words. On a role: db_id, `group`, `login` or `gateway` (the login of a gateway),
 * access. On a database: db_id (or
 * `-`), `template`, `shell` or `tenant`, and the hardening it has. Labels are shared catalog rows:
 * every database can read them, and authentication can, before a database is open.
 */
#pragma once

#include "base/pg.hpp"

/* The words of a label's text, and the text for them, in SQL. */
#define LABEL_DB_ID(label) "split_part(" label ", ' ', 1)"
#define LABEL_KIND(label) "split_part(" label ", ' ', 2)"
#define LABEL_GROUP_OR_LOGIN(label) "replace(" LABEL_KIND(label) ", 'gateway', 'login')"
#define LABEL_DETAIL(label) "split_part(" label ", ' ', 3)"
#define LABEL_OF_GROUP(db_id, access) db_id " || ' group ' || " access

/* Whether the label is that of a tenant's database, whatever hardening that has, in SQL. */
#define IS_LABEL_OF_TENANT(label, db_id) "starts_with(" label ", " db_id " || ' tenant ')"

namespace appinfra::label
{

constexpr const char *provider = "appinfra";
constexpr int word_limit = 32; /* bytes of one word, the terminator included */

struct Label {
    char db_id[word_limit];
    char kind[word_limit];
    char detail[word_limit];
};

/* Returns the text of a label: of roles, and of databases with the hardening they have. */
const char *of_group(const char *db_id, const char *access);
const char *of_login(const char *db_id, const char *access, bool gateways = false);
const char *of_template(int hardening);
const char *of_shell(const char *db_id, int hardening);
const char *of_tenant(const char *db_id, int hardening);
const char *of(const Label &label);

/* Tells whether the label marks a login, a gateway's included. */
bool is_login(const Label &label);

/* Tells whether it marks a gateway's. */
bool is_gateway_login(const Label &label);

/* Registers the provider. Called once, by _PG_init. */
void define();

/* What a look for a label ends with. A malformed one marks a tenant's role all the same. */
enum class Found : int { none, malformed, well_formed };

/* Reads the label of a role. */
Found read_role(Oid role, Label *label);

/* Reads the label of a role; false when it has none that is well formed. */
bool of_role(Oid role, Label *label);

/*
 * Calls visit() with each labelled role of a tenant. Reads no operator that a tenant could make. It
 * looks at every label of the host: not for what a claim does.
 */
void visit_roles(const char *db_id, void (*visit)(void *self, Oid role, const Label &label),
                 void *self);

/* Reads the label of a database; false when it has none. */
bool of_database(Oid database, Label *label);

} // namespace appinfra::label
