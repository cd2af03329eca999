/*
 * What a statement does with its own rights through what a tenant has stored.
 *
 * No function of the tenant's need run for it: a policy, a rule, a view WITH (security_invoker) and
 * the server's own views in any view use the rights of whoever runs the statement, and pg_notify()
 * in that view carries away what it sees. So a statement that is not a tenant's, but touches what
 * is, does not reach what only its own rights open.
 */
#pragma once

#include "base/pg.hpp"

namespace appinfra::guard
{

/*
 * Refuses a statement of somebody who is not a tenant's that touches a tenant's relation and, in
 * the same statement, reads secrets of the host or writes a system relation.
 */
void check_viewer(const List *needs);

} // namespace appinfra::guard
