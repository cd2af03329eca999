// See rgw_store.hpp: the removal of a bucket. The gateway goes on with it when the client has left,
// so it is begun with a short time-out and looked at until the bucket is not there any more.
#include "store/rgw_store.hpp"

namespace sidecar
{
namespace
{

// A purge of which less than this can be said is taken for one that ended with its gateway.
constexpr Duration purge_patience = std::chrono::minutes(1);

} // namespace

StoreResult
RgwStore::remove_bucket(const WantedStorage &storage)
{
    if (storage.present)
        return {StoreStatus::other, "the bucket " + storage.bucket_name + " is not to go"};
    SeenBucket seen;
    StoreResult result = ensure_owner(storage, seen);
    if (result.ok())
        result = refuse_other_bucket(storage, seen.objects);
    if (result.ok())
        result = purge(storage, seen);
    if (!result.ok() && result.status != StoreStatus::not_found)
        return result;
    purges_.erase(storage.bucket_name);
    return remove_principals(storage);
}

// Has the gateway remove the objects and the bucket, unless it is at it already.
StoreResult
RgwStore::purge(const WantedStorage &storage, const SeenBucket &seen)
{
    const TimePoint now = SystemClock().now();
    const StoreResult under_way{
        StoreStatus::again, "remove bucket: " + std::to_string(seen.objects) + " objects are left"};
    const auto known = purges_.find(storage.bucket_name);
    if (known != purges_.end()) {
        Purge &purge = known->second;
        if (seen.objects < purge.objects)
            purge = {now, seen.objects};
        if (now - purge.progressed < purge_patience)
            return under_way;
    }
    purges_[storage.bucket_name] = {now, seen.objects};
    StoreRequest remove = admin("remove bucket", "DELETE", "bucket",
                                {{"bucket", storage.bucket_name}, {"purge-objects", "true"}});
    remove.timeout = settings_.purge_timeout;
    const StoreReply reply = client_.send(remove);
    if (!reply.answered && reply.code.empty())
        return under_way;
    StoreResult result = result_of(remove, reply);
    if (!result.ok())
        purges_.erase(storage.bucket_name);
    return result;
}

StoreResult
RgwStore::remove_principals(const WantedStorage &storage)
{
    for (const WantedPrincipal &principal : storage.principals) {
        const StoreRequest remove =
            admin("remove user", "DELETE", "user", {{"uid", principal.name}});
        StoreResult result = result_of(remove, client_.send(remove));
        if (!result.ok() && result.status != StoreStatus::not_found)
            return result;
    }
    return {};
}

} // namespace sidecar
