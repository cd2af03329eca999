/*
 * The kind of publications that deliver the login of a tenant's database.
 */
#pragma once

#include "delivery/kind.hpp"

namespace appinfra::database_kind
{

extern const kind::Kind kind;

} // namespace appinfra::database_kind
