/* Login: which database a tenant's login may enter, and whether there is room for it. */
#pragma once

#include "base/pg.hpp"

namespace appinfra::guard
{

/* Hooks the authentication. Called once, by define(). */
void define_login();

} // namespace appinfra::guard
