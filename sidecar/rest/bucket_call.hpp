// A request about a bucket on its way: the store may have to do something first, so the use case is
// asked how far it is, with longer and longer pauses, until there is an answer or the time is over.
#pragma once

#include <memory>

#include "base/clock.hpp"
#include "platform/message.hpp"
#include "rest/routes.hpp"

namespace sidecar
{

// Returns the response that an answer of the route's use case is.
Response response_to(const Route &route, use_cases::Answer answer);

// Returns the task that begins the route's use case, and goes on for as long as wait.
Task start_bucket_call(const Route &route, std::shared_ptr<const Call> call, const Clock &clock,
                       Duration wait);

} // namespace sidecar
