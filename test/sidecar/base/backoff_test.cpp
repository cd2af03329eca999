// Pauses between sends, and Retry-After.
#include <gtest/gtest.h>

#include "base/backoff.hpp"

using namespace sidecar;
using namespace std::chrono_literals;

TEST(BackoffDelay, DoublesItsCeilingUpToTheLongest)
{
    const Backoff backoff(500ms, 60s, 1);
    EXPECT_EQ(backoff.ceiling(0), 500ms);
    EXPECT_EQ(backoff.ceiling(1), 1s);
    EXPECT_EQ(backoff.ceiling(6), 32s);
    EXPECT_EQ(backoff.ceiling(7), 60s);
    EXPECT_EQ(backoff.ceiling(1'000'000), 60s);
}

TEST(BackoffDelay, IsSpreadOverTheWholeCeiling)
{
    Backoff backoff(500ms, 60s, 1);
    Duration least = 1h;
    Duration most = 0s;
    for (int i = 0; i < 1000; i++) {
        const Duration delay = backoff.delay(2);
        least = std::min(least, delay);
        most = std::max(most, delay);
    }
    EXPECT_LT(least, 200ms);
    EXPECT_GT(most, 1800ms);
    EXPECT_LE(most, 2s);
}

TEST(RetryAfter, ReadsSecondsAndDates)
{
    const WallTime now = std::chrono::system_clock::from_time_t(784111777); // the date below
    EXPECT_EQ(retry_after("120", now), 120s);
    EXPECT_EQ(retry_after(" 0 ", now), 0s);
    EXPECT_EQ(retry_after("Sun, 06 Nov 1994 08:49:37 GMT", now), 0s);
    EXPECT_EQ(retry_after("Sun, 06 Nov 1994 08:50:37 GMT", now), 60s);
    EXPECT_EQ(retry_after("Sun, 06 Nov 1994 07:49:37 GMT", now), 0s); // past
}

TEST(RetryAfter, IsCappedAndRefusesNonsense)
{
    const WallTime now = std::chrono::system_clock::from_time_t(784111777);
    EXPECT_EQ(retry_after("86400", now), max_retry_after);
    EXPECT_EQ(retry_after("99999999999999999999", now), max_retry_after);
    EXPECT_EQ(retry_after("Sun, 06 Nov 2044 08:49:37 GMT", now), max_retry_after);
    for (const char *bad : {"", "-5", "soon", "1.5", "12 seconds"})
        EXPECT_EQ(retry_after(bad, now), std::nullopt) << bad;
}
