// The store of all buckets, behind an interface: what the machine above may assume of any backend,
// and no more. Every call blocks, for at most the call time-out of its backend per request, may be
// repeated, and is told apart by its result; none throws for what the store or the network does.
// The rule a reader must know: a key is added to a bucket only after ensure_bucket() and
// ensure_closed() said ok, because a key of an open bucket opens it.
// An object of it belongs to one thread; each worker has its own.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/secret.hpp"
#include "store/wanted_storage.hpp"

namespace sidecar
{

enum class StoreStatus {
    ok,
    unreachable, // no answer; the call may have had its effect, and may have it later
    refused,     // our key, our rights or our clock: nothing will work until a person acts
    name_taken,  // the bucket's name belongs to somebody else, or to another bucket of ours
    not_found,   // the bucket, or the principal, is not there
    again,       // the store was busy, or is not done yet
    other,
};

// How a call ended; text says why it did not end well, is fit for a log and holds no secret.
struct StoreResult {
    StoreStatus status = StoreStatus::ok;
    std::string text{};
    bool uncertain = false; // it may have had its effect all the same, or have it later

    bool
    ok() const
    {
        return status == StoreStatus::ok;
    }
};

// A result, and a value that counts when it is ok.
template <typename T> struct StoreAnswer {
    StoreResult result;
    T value{};

    bool
    ok() const
    {
        return result.ok();
    }
};

// A key as the store made it: its access key may be another than the one that was planned.
struct NewKey {
    std::string access_key;
    Secret secret;
};

// What the store has of one principal.
struct SeenPrincipal {
    std::string name;
    Access access = Access::writer;
    bool there = false;
    bool suspended = false;
    std::vector<std::string> access_keys{};
    std::vector<std::string> differences{}; // from what ensure_closed() and add_key() leave
};

struct Usage {
    std::int64_t objects = 0;
    std::int64_t bytes = 0;
};

class ObjectStore
{
public:
    virtual ~ObjectStore() = default;

    // The word of the registry for stores of this kind.
    virtual const char *backend() const = 0;

    // Asked before each request from now on: false, and the request is not made; the call ends
    // with again. This is how no request begins with too little of a lease left.
    virtual void guard(std::function<bool()> may_begin) = 0;

    // Makes the bucket unless it is there and ours. One that was made before and is gone is not
    // made again: not_found.
    virtual StoreResult ensure_bucket(const WantedStorage &storage) = 0;

    // Sees to it that nobody but the bucket's principals gets at it. When it had to change what it
    // found in a bucket that was made before, it adds to mended what that was.
    virtual StoreResult ensure_closed(const WantedStorage &storage,
                                      std::vector<std::string> &mended) = 0;

    // Sets the quota. Adds to mended as ensure_closed() does.
    virtual StoreResult ensure_quota(const WantedStorage &storage,
                                     std::vector<std::string> &mended) = 0;

    // Makes the key of storage.mint, and its principal before. When the result is uncertain, the
    // same key must not be asked for again: what the store does late would replace its secret.
    virtual StoreAnswer<NewKey> add_key(const WantedStorage &storage) = 0;

    // Removes a key of a principal; ok when the store has said that it is gone.
    virtual StoreResult remove_key(const WantedStorage &storage, const std::string &principal,
                                   const std::string &access_key) = 0;

    // What the store has of each of the bucket's principals, in their order.
    virtual StoreAnswer<std::vector<SeenPrincipal>> list_keys(const WantedStorage &storage) = 0;

    // Has every call of the bucket's principals refused, or no longer, as storage says.
    virtual StoreResult suspend(const WantedStorage &storage) = 0;

    virtual StoreAnswer<Usage> usage(const WantedStorage &storage) = 0;

    // Whether somebody without a key gets an answer from the bucket.
    virtual StoreAnswer<bool> is_public(const WantedStorage &storage) = 0;

    // Removes the objects, the bucket, and then its principals; again: it is under way. It touches
    // nothing unless storage says that it is to go, and the bucket is the one that was made for
    // these principals.
    virtual StoreResult remove_bucket(const WantedStorage &storage) = 0;

    // The names of all buckets that are the platform's.
    virtual StoreAnswer<std::vector<std::string>> bucket_names() = 0;

    // Asks for something that needs the store's whole way and our rights.
    virtual StoreResult probe() = 0;
};

// Why this store is not the one of that bucket; ok when it is of the same kind.
StoreResult refuse_other_backend(const ObjectStore &store, const WantedStorage &storage);

} // namespace sidecar
