// A new key of a bucket, with all that has to be there before it: the bucket, closed to everybody
// else, its quota, its principal.
#pragma once

#include "store/object_store.hpp"

namespace sidecar
{

// Makes the key that storage asks for. Each step may be repeated; the secret comes out of the last.
StoreAnswer<NewKey> make_key(ObjectStore &store, const WantedStorage &storage);

} // namespace sidecar
