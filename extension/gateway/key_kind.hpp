/*
 * The kind of publications that deliver API keys, in a database's lane: its producer is that of
 * databases. A key gets its secret in the claim.
 */
#pragma once

#include "delivery/kind.hpp"

namespace appinfra::key_kind
{

extern const kind::Kind kind;

} // namespace appinfra::key_kind
