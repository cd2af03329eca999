/*
 * The kind of publications that deliver the login of a tenant's database.
 */
#pragma once

#include "delivery/kind.hpp"

namespace appinfra::database_kind
{

extern const kind::Kind kind;

/* Locks the binding's tenant, of this kind or another, as Kind::lock_owner says. */
bool lock_owner(const binding::Binding &binding, kind::Wait wait, kind::Owner *owner);

} // namespace appinfra::database_kind
