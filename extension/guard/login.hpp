/* Login: which database a tenant's login or a pooler's may enter, and whether there is room for it.
 */
#pragma once

#include "base/pg.hpp"

namespace appinfra::guard
{

/* Hooks the authentication. Called once, by define(). */
void define_login();

/* Tells whether the ACL of a database names the role for CONNECT; what PUBLIC may does not count.
 */
bool names_for_connect(const Acl *acl, Oid role);

} // namespace appinfra::guard
