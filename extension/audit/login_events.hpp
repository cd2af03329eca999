/*
 * Login events: who logged in, who was turned away.
 *
 * A *failed* login proved nothing: it is counted for its client's address, and the name it gave is
 * kept only when a role has it (people type passwords where names belong). A *refused* one had its
 * password right. A tenant's login is *done* when its session begins.
 */
#pragma once

#include "audit/events.hpp"

namespace appinfra::login_events
{

/* Registers the hooks. Called once, by _PG_init, after the guard. */
void define();

/* Tells that this process's login has been reported: what ends it then is not reported once more.
 */
void mark_reported();

} // namespace appinfra::login_events
