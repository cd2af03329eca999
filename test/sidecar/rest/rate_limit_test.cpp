// How many requests a user may make.
#include <gtest/gtest.h>

#include "rest/rate_limit.hpp"

using namespace sidecar;
using namespace std::chrono_literals;

TEST(RateLimit, LetsABurstThroughAndThenSoMany)
{
    RateLimit limit(10, 20);
    const TimePoint start{};
    for (int i = 0; i < 20; i++)
        EXPECT_EQ(limit.take("a", start), 0);
    EXPECT_EQ(limit.take("a", start), 1);
    EXPECT_EQ(limit.take("b", start), 0);
    EXPECT_EQ(limit.take("a", start + 100ms), 0);
    EXPECT_EQ(limit.take("a", start + 100ms), 1);
    EXPECT_EQ(RateLimit(0, 0).take("a", start), 0);
}

TEST(RateLimit, ForgetsUsers)
{
    RateLimit limit(10, 20);
    for (int i = 0; i < 30'000; i++)
        limit.take(std::to_string(i), TimePoint(Duration(i)));
    EXPECT_LE(limit.users(), 10'000u);
}
