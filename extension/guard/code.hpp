/*
 * Whose code a function is: who can change what it does.
 *
 * Not whether it may be called, which function.hpp tells. *Made* code is what somebody wrote in
 * this database: neither the server's, nor written in C, nor an extension's. A tenant's is what a
 * role of a tenant's owns, and so can replace at any moment.
 */
#pragma once

#include "base/label.hpp"

namespace appinfra::guard
{

struct Code {
    Oid function; /* key */
    bool is_made;
    bool is_tenants;
    bool is_kept; /* core keeps it resolved beyond a query: under a cast, type, constraint, operator
                   */
    unsigned kept_generation; /* of the dependencies, for which is_kept holds */
    Oid owner;
    char db_id[label::word_limit]; /* the tenant whose it is */
};

/* Returns what is known of the function's code. Reads the catalog, so only in a transaction. */
const Code *code_of(Oid function);

/*
 * Refuses a tenant's code to whoever is the current user and no role of that tenant: it would run
 * with rights that the tenant does not have. In observe mode, too: this protects the others.
 */
void check_code(const Code &code);

} // namespace appinfra::guard
