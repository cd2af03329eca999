// How many requests a user may make.
#include <gtest/gtest.h>

#include "base/rate_limit.hpp"

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

TEST(RateLimit, TellsHowManyAreLeft)
{
    RateLimit limit(10, 20);
    const TimePoint start{};
    EXPECT_EQ(limit.left("a", start), 20u);
    for (int i = 0; i < 15; i++)
        limit.take("a", start);
    EXPECT_EQ(limit.left("a", start), 5u);
    EXPECT_EQ(limit.left("a", start + 250ms), 7u);
    EXPECT_EQ(limit.left("b", start), 20u);
    EXPECT_EQ(limit.left("a", start + 1h), 20u);
    EXPECT_EQ(RateLimit(0, 7).left("a", start), 7u);
}
