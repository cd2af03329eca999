// See make_key.hpp.
#include "store/make_key.hpp"

#include <utility>

namespace sidecar
{

StoreResult
refuse_other_backend(const ObjectStore &store, const WantedStorage &storage)
{
    if (storage.backend == store.backend())
        return {};
    return {StoreStatus::other, "the bucket is of a store of the kind " + storage.backend +
                                    ", and this sidecar has one of the kind " + store.backend()};
}

StoreAnswer<NewKey>
make_key(ObjectStore &store, const WantedStorage &storage)
{
    std::vector<std::string> mended; // the comparison tells of it, not a delivery
    StoreResult result = refuse_other_backend(store, storage);
    if (result.ok())
        result = store.ensure_bucket(storage);
    if (result.ok())
        result = store.ensure_closed(storage, mended);
    if (result.ok())
        result = store.ensure_quota(storage, mended);
    if (result.ok() && !storage.principal(storage.mint ? storage.mint->name : ""))
        result = {StoreStatus::other, "the claim asks for no key"};
    // One that was removed or revoked may still be suspended.
    if (result.ok() && storage.made)
        result = store.suspend(storage);
    result.uncertain = false; // none of these does harm when it is done late
    if (!result.ok())
        return {std::move(result), {}};
    return store.add_key(storage);
}

} // namespace sidecar
