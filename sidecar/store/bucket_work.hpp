// One piece of work at a bucket that needs no secret: what the registry wants is made so, and what
// was found is told.
// The rule a reader must know: a key is removed only when the registry says that it is unwanted. A
// key that the registry does not know is told, and left alone.
#pragma once

#include <string>
#include <vector>

#include "store/object_store.hpp"

namespace sidecar
{

// What was found, and whether all of it could be made so.
struct WorkDone {
    StoreResult result;
    Usage usage{};
    std::vector<std::string> drift{};        // differed from what was left there, by name
    std::vector<std::string> unknown_keys{}; // at the store, and not in the registry
    std::vector<std::string> keys_missing{}; // wanted, and not at the store
    bool is_public = false;
    bool missing = false; // it was made once, and the store has it no more
};

// Makes the bucket of this storage as it is wanted; stops at the first call that does not end well.
WorkDone do_bucket_work(ObjectStore &store, const WantedStorage &storage);

// What was found, as complete_bucket_work() takes it.
std::string observed_of(const WorkDone &done);

// The code of fail_bucket_work() for a result.
const char *code_of(StoreStatus status);

} // namespace sidecar
