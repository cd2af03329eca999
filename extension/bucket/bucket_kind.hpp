/*
 * The kind of publications that deliver the key of a bucket. A claim plans a key; the store makes
 * its secret, which never comes here.
 */
#pragma once

#include "delivery/kind.hpp"

namespace appinfra::bucket_kind
{

extern const kind::Kind kind;

} // namespace appinfra::bucket_kind
