// See bucket_work.hpp.
#include "store/bucket_work.hpp"

#include <algorithm>
#include <iterator>

#include "base/json.hpp"

namespace sidecar
{
namespace
{

// Compares the keys of a principal with the registry's, and removes those that are unwanted.
StoreResult
settle_keys(ObjectStore &store, const WantedStorage &storage, const WantedPrincipal &wanted,
            const SeenPrincipal &seen, WorkDone &done)
{
    const auto is_there = [&](const std::string &key) {
        return std::ranges::count(seen.access_keys, key) > 0;
    };
    for (const WantedKey &key : wanted.keys) {
        if (key.wanted && !is_there(key.access_key))
            done.keys_missing.push_back(key.access_key);
        if (key.wanted || !is_there(key.access_key))
            continue;
        StoreResult removed = store.remove_key(storage, wanted.name, key.access_key);
        if (!removed.ok())
            return removed;
    }
    for (const std::string &key : seen.access_keys) {
        if (std::ranges::count(wanted.keys, key, &WantedKey::access_key) == 0)
            done.unknown_keys.push_back(key);
    }
    std::ranges::copy(seen.differences, std::back_inserter(done.drift));
    return {};
}

// Suspends the principals or lets them go on, and settles their keys. Suspension comes first: it
// stops everything with one call each.
StoreResult
settle_principals(ObjectStore &store, const WantedStorage &storage, WorkDone &done)
{
    const auto seen = store.list_keys(storage);
    if (!seen.ok())
        return seen.result;
    const bool other = std::ranges::any_of(seen.value, [&](const SeenPrincipal &principal) {
        return principal.there && principal.suspended != storage.suspended;
    });
    if (other) {
        StoreResult suspended = store.suspend(storage);
        if (!suspended.ok())
            return suspended;
    }
    for (std::size_t i = 0; i < seen.value.size(); i++) {
        StoreResult settled =
            settle_keys(store, storage, storage.principals[i], seen.value[i], done);
        if (!settled.ok())
            return settled;
    }
    return {};
}

// Looks at how large the bucket is, and whether anybody gets at it.
StoreResult
look_round(ObjectStore &store, const WantedStorage &storage, WorkDone &done)
{
    const auto used = store.usage(storage);
    if (!used.ok())
        return used.result;
    done.usage = used.value;
    const auto open = store.is_public(storage);
    done.is_public = open.value;
    return open.result;
}

Json
list_of(const std::vector<std::string> &texts)
{
    Json list(json_array());
    for (const std::string &text : texts)
        json_array_append_new(list.get(), json_of(text).release());
    return list;
}

} // namespace

WorkDone
do_bucket_work(ObjectStore &store, const WantedStorage &storage)
{
    WorkDone done{refuse_other_backend(store, storage)};
    if (!done.result.ok())
        return done;
    // Keys first: a revocation must not wait for what else is to be done.
    done.result = settle_principals(store, storage, done);
    if (!done.result.ok())
        return done;
    if (!storage.present) {
        done.result = store.remove_bucket(storage);
        return done;
    }
    done.result = store.ensure_bucket(storage);
    // A loss that is to be seen: it is found, and never made again.
    if (storage.made && done.result.status == StoreStatus::not_found) {
        done.missing = true;
        done.result = {};
        return done;
    }
    if (done.result.ok())
        done.result = store.ensure_closed(storage, done.drift);
    if (done.result.ok())
        done.result = store.ensure_quota(storage, done.drift);
    if (done.result.ok())
        done.result = look_round(store, storage, done);
    return done;
}

std::string
observed_of(const WorkDone &done)
{
    return json_text(pack("{s:I, s:I, s:o, s:o, s:b, s:o, s:b}", "objects",
                          static_cast<json_int_t>(done.usage.objects), "bytes",
                          static_cast<json_int_t>(done.usage.bytes), "drift",
                          list_of(done.drift).release(), "unknown_keys",
                          list_of(done.unknown_keys).release(), "public", done.is_public ? 1 : 0,
                          "keys_missing", list_of(done.keys_missing).release(), "bucket_missing",
                          done.missing ? 1 : 0));
}

const char *
code_of(StoreStatus status)
{
    switch (status) {
    case StoreStatus::unreachable:
    case StoreStatus::again:
    case StoreStatus::refused: // our key or our clock, which is no fault of the bucket
        return "unreachable";
    case StoreStatus::name_taken:
        return "name_taken";
    case StoreStatus::not_found:
        return "not_found";
    case StoreStatus::ok:
    case StoreStatus::other:
        break;
    }
    return "other";
}

} // namespace sidecar
