// A request about a bucket that may take a while, because the store has to do something: its
// answer, or a question that is asked again until there is one.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "base/clock.hpp"
#include "platform/use_case.hpp"
#include "store/store_threads.hpp"

namespace sidecar
{

// The store, as the doors see it: how to reach it, and under which name keys are handed out.
struct StoreDoor {
    OpenStore open; // empty: this sidecar has no key of the store
    std::string worker;
    Duration call_timeout{}; // of a request to it
};

namespace use_cases
{

// Asks how far it is: the answer, or nothing yet; last: the time is over, and some answer is
// wanted.
using BucketPoll = std::function<std::optional<Answer>(Database &, bool last)>;
using BucketRun = std::variant<Answer, BucketPoll>;

// Makes a new key of a bucket and answers with it and the variables that carry it, this once.
// answer is what is told of the bucket besides.
BucketPoll hand_out_key(const StoreDoor &door, const Caller &caller, std::string bucket_id,
                        std::string answer);

// Throws storage_unavailable when no key can be handed out here.
void need_store(const StoreDoor &door);

} // namespace use_cases
} // namespace sidecar
