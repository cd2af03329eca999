// The object store of the options, for the parts that call it.
#pragma once

#include "base/call_tally.hpp"
#include "daemon/options.hpp"
#include "store/store_threads.hpp"

namespace sidecar
{

// Returns what opens the store; empty when the options name none. Every thread opens its own.
// Its calls are counted in calls, which must live as long as the process.
OpenStore store_opener(const Options &options, CallTally &calls);

} // namespace sidecar
