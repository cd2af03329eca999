/*
 * Who a session is: in one that is not a tenant's, but has become a tenant's role, only the client
 * changes that back.
 *
 * A superuser after SET ROLE runs a tenant's code in views and triggers; that code must not undo
 * the SET ROLE. So `role` and `session_authorization` change only by a SET, RESET or DISCARD that
 * the client sent by itself, never by set_config() or by a statement or SET clause inside a
 * function.
 */
#pragma once

#include "guard/guard.hpp"

namespace appinfra::guard::identity
{

/* The rule that refuses such a change. */
extern const Rule rule;

/* Tells whether the client sent the statement, and whether it may change who the session is. */
bool is_clients_change(const Node *statement, ProcessUtilityContext context);

/* Runs the body as the execution of such a statement. */
template <typename Body> void as_clients_change(Body body);

/* Refuses a statement inside a function that takes the session's role back: RESET and its kind. */
void check_statement(const Node *statement, ProcessUtilityContext context);

/* Tells whether `role` or `session_authorization` may change now, to whatever value. */
bool may_change();

extern bool client_changes; /* such a statement is being executed */

template <typename Body>
void
as_clients_change(Body body)
{
    client_changes = true;
    PG_TRY();
    {
        body();
    }
    PG_FINALLY();
    {
        client_changes = false;
    }
    PG_END_TRY();
}

} // namespace appinfra::guard::identity
