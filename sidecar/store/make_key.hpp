// A new key of a bucket, with all that has to be there before it: the bucket, closed to everybody
// else, its quota, its principal.
#pragma once

#include "store/object_store.hpp"

namespace sidecar
{

// Makes the key that storage asks for. Each step may be repeated but the last, out of which the
// secret comes: when the result is uncertain, the key is to be given up.
StoreAnswer<NewKey> make_key(ObjectStore &store, const WantedStorage &storage);

} // namespace sidecar
