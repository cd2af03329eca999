/* The key that asks for something about keys: it has to be active, and may have to be a dbadmin. */
#pragma once

#include "registry/key.hpp"

namespace appinfra::keys
{

/*
 * Returns the key that asks, which is active and of a ready workspace, or raises. Nobody revokes it
 * before the transaction ends.
 */
key::Key require_caller(const char *caller);

/* Refuses a caller that may not handle its workspace's keys. */
const Refusal *check_dbadmin(const key::Key &caller);

} // namespace appinfra::keys
