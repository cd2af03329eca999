/*
 * Token buckets: so many events at once, and then one more in each period.
 *
 * All that is kept of a bucket is the time at which it will be full again. A clock that was set
 * back does not leave a bucket empty for longer than it takes to fill.
 */
#pragma once

#include "base/pg.hpp"

namespace appinfra::events
{

struct TokenBucket {
    int burst;
    int64 period; /* as a TimestampTz counts */

    /* Takes a token if there is one, and moves the time at which the bucket is full. */
    bool
    take(TimestampTz *full_at, TimestampTz now) const
    {
        TimestampTz taken = Min(Max(*full_at, now), now + burst * period) + period;

        if (taken - now > burst * period)
            return false;
        *full_at = taken;
        return true;
    }

    /* The same for a time that other processes move at this moment. */
    bool
    take_shared(pg_atomic_uint64 *full_at, TimestampTz now) const
    {
        uint64 found = pg_atomic_read_u64(full_at);

        for (;;) {
            auto wanted = static_cast<TimestampTz>(found);

            if (!take(&wanted, now))
                return false;
            if (pg_atomic_compare_exchange_u64(full_at, &found, static_cast<uint64>(wanted)))
                return true;
        }
    }
};

} // namespace appinfra::events
