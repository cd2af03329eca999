/*
 * What made code (code.hpp) leaves behind in a session that is not a tenant's: nothing.
 *
 * The client goes on with its own rights when the call is over. So what it is going to use by name
 * is as it left it: its prepared statements, cursors and settings, and what a relation's name means
 * to it. And while the code runs, the client's cursors are none of it.
 */
#pragma once

#include "guard/guard.hpp"

namespace appinfra::guard::session_state
{

/* Begins the outermost call of made code, of a function that may be called. */
void enter(Oid function);

/* Ends it, or gives up after an error. Raises when the code has left something. */
void leave(bool failed);

/* Refuses a statement of made code that would change what the client has by name. */
void check_statement(const Node *statement);

/* Refuses a temporary relation or type of made code that would stand in front of another one. */
void check_name(Oid class_id, Oid object_id);

/* Refuses to show to made code what the client has prepared and declared. */
void check_call(Oid function);

} // namespace appinfra::guard::session_state
