/*
 * Login names: what a new login is called.
 */
#pragma once

#include "registry/purpose.hpp"

namespace appinfra::login_name
{

/*
 * Returns a name for a new login of the purpose that nobody has and nobody is taking, and locks it:
 * the next of the database's numbered names, or the one that its service's ids make.
 */
const char *choose(const credential::Purpose &purpose);

} // namespace appinfra::login_name
