/*
 * What the functions and views of the server's schemas say, in a tenant's database and in the
 * closed template that it was copied from: pg_catalog and information_schema are the same in both.
 *
 * Superusers rely on them, and CREATE OR REPLACE leaves no other trace. Compared are digests; the
 * statements that make them again come from the template. Nothing of them is executed.
 */
#pragma once

#include "base/pg.hpp"

namespace appinfra::exposure
{

struct Definition {
    const char *key;       /* its catalog and OID, which are the same in both */
    const char *digest;    /* of all that matters */
    const char *name;      /* as pg_describe_object() says it; of the template's only */
    const char *statement; /* makes it so again; where it was asked for */
};

/* Those of one database, in the order of their keys. */
struct Definitions {
    std::span<Definition> all;
    const char *digest;   /* of all of them; null: there are none */
    const char *database; /* that they were read in */
    const char *failure;  /* why they could not be read; null: they were */
};

/* Reads those of the closed template, by a database task. None: there is no template yet.
 * Statements are needed where something is to be put back. */
Definitions definitions_of_template(bool with_statements);

/* The same of a database, without statements. */
Definitions definitions_of(Oid database, const char *name);

/* Returns the one of that key, or null. */
const Definition *definition_of(const Definitions &definitions, const char *key);

/* Returns the statements that make `found` what is wanted, or null when nothing differs. */
const char *restoring_script(const Definitions &wanted, const Definitions &found);

/*
 * For a task that looks inside, in its transaction: sends those of this database, without names and
 * statements, unless their digest is this one. In the place of a severity stands not_compared.
 */
void send_other_definitions(const char *digest);

constexpr const char *not_compared = "definition"; /* in place of a severity */

} // namespace appinfra::exposure

extern "C" {
PGDLLEXPORT void appinfra_describe_main(Datum argument);
}
