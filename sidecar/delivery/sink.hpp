// Where publications are delivered to, behind an interface so that tests can make it fail.
// Sends run side by side; the loop waits in wait() and then collects what has finished.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <poll.h>

#include "base/clock.hpp"
#include "delivery/outcome.hpp"
#include "delivery/publication.hpp"

namespace sidecar
{

struct Finished {
    std::int64_t publication_id;
    Outcome outcome;
};

class Sink
{
public:
    virtual ~Sink() = default;

    // Starts to deliver; the publication must outlive the send (until collect() or abort()). A sink
    // may put into it what only the way there can bring: a secret that a store makes.
    virtual void start(Publication &publication) = 0;

    // Ends a send that has not been collected; says whether it may have been stored.
    virtual bool abort(std::int64_t publication_id) = 0;

    // The sends that finished since the last call.
    virtual std::vector<Finished> collect() = 0;

    // Sleeps until one of fds or of the sends is ready or the time is over; sets fds' revents.
    virtual void wait(std::span<pollfd> fds, Duration limit) = 0;
};

} // namespace sidecar
