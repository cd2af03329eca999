// What becomes of one publication: every row of the contract's table, and its lease.
#include <gtest/gtest.h>

#include "delivery/fakes.hpp"

using namespace fake;

TEST(Delivering, ASuccessCompletesTheClaimAndForgetsTheSecret)
{
    World world;
    world.send_one();
    ASSERT_EQ(world.sink.started, std::vector<std::int64_t>{1});
    Outcome stored = outcome(Verdict::stored);
    stored.response = R"({"version":1})";
    world.sink.finish(1, stored);
    world.settle();
    ASSERT_EQ(world.queue.reports.size(), 1u);
    EXPECT_TRUE(world.queue.reports[0].complete);
    EXPECT_EQ(world.queue.reports[0].claim, "claim-1");
    EXPECT_EQ(world.queue.reports[0].response, R"({"version":1})");
    EXPECT_EQ(world.dispatcher->held(), 0u);
    EXPECT_EQ(world.dispatcher->tally().delivered, 1);
}

TEST(Delivering, WritesOneLineOfItsLifeWithoutTheSecret)
{
    World world;
    world.send_one();
    world.sink.finish(1, outcome(Verdict::stored));
    world.settle();
    ASSERT_EQ(world.lines.size(), 1u);
    for (const char *part : {"publication_id=1", "target=app-1", "variables=DATABASE_URL",
                             "version=1", "attempt=1", "sends=1", "ms=0", "result=delivered"})
        EXPECT_NE(world.lines[0].find(part), std::string::npos) << part;
    EXPECT_EQ(world.lines[0].find("secret-password"), std::string::npos);
}

TEST(Delivering, AStaleVersionIsFailedAsNotDeliveredAndNotRepeated)
{
    World world;
    world.send_one();
    world.sink.finish(1, outcome(Verdict::again, true));
    world.settle();
    world.after(1s);
    world.sink.finish(1, outcome(Verdict::stale));
    world.settle();
    ASSERT_EQ(world.queue.reports.size(), 1u);
    EXPECT_FALSE(world.queue.reports[0].complete);
    EXPECT_FALSE(world.queue.reports[0].maybe_stored);
    EXPECT_FALSE(world.queue.reports[0].retry_now);
    EXPECT_EQ(world.dispatcher->tally().stale, 1);
}

TEST(Delivering, ARefusalIsFinal)
{
    World world;
    world.send_one();
    world.sink.finish(1, outcome(Verdict::refused, false, "HTTP 422 bad"));
    world.settle();
    ASSERT_EQ(world.queue.reports.size(), 1u);
    EXPECT_EQ(world.queue.reports[0].error, "HTTP 422 bad");
    EXPECT_FALSE(world.queue.reports[0].maybe_stored);
    EXPECT_FALSE(world.queue.reports[0].retry_now);
    EXPECT_EQ(world.dispatcher->tally().failed, 1);
    world.after(10min);
    EXPECT_EQ(world.sink.started.size(), 1u);
}

TEST(Delivering, WhatNeedsAnotherClaimIsGivenBackForLater)
{
    World world;
    world.send_one();
    world.sink.finish(1, outcome(Verdict::renew, false, "the store: no answer"));
    world.settle();
    ASSERT_EQ(world.queue.reports.size(), 1u);
    EXPECT_TRUE(world.queue.reports[0].retry_now);
    EXPECT_GT(world.queue.reports[0].retry_pause, 0ms);
    EXPECT_FALSE(world.queue.reports[0].maybe_stored) << "its secret is nobody's";
    EXPECT_EQ(world.dispatcher->tally().given_back, 1);
    EXPECT_EQ(world.dispatcher->held(), 0u);
}

TEST(Delivering, ARefusalAfterATimeOutIsUnknown)
{
    World world;
    world.send_one();
    world.sink.finish(1, outcome(Verdict::again, true));
    world.settle();
    world.after(1s);
    world.sink.finish(1, outcome(Verdict::again, false)); // surely not stored does not undo it
    world.settle();
    world.after(2s);
    world.sink.finish(1, outcome(Verdict::refused));
    world.settle();
    ASSERT_EQ(world.queue.reports.size(), 1u);
    EXPECT_TRUE(world.queue.reports[0].maybe_stored);
}

TEST(Delivering, NotNowIsRepeatedWithBackoffUnderTheSameClaim)
{
    World world;
    world.send_one();
    for (int i = 0; i < 5; i++) {
        world.sink.finish(1, outcome(Verdict::again));
        world.settle();
        world.after(Duration(500ms) * (1 << i)); // the ceiling of this pause
        ASSERT_EQ(world.sink.started.size(), static_cast<std::size_t>(i + 2));
    }
    EXPECT_TRUE(world.queue.reports.empty());
    EXPECT_EQ(world.dispatcher->held(), 1u);
}

TEST(Delivering, RetryAfterIsHonoured)
{
    World world;
    world.send_one();
    Outcome later = outcome(Verdict::again);
    later.retry_after = 30s;
    world.sink.finish(1, later);
    const TimePoint next = world.settle();
    EXPECT_LE(next, world.clock.time + 31s);
    world.after(30s); // the clock may have rounded down: not yet
    EXPECT_EQ(world.sink.started.size(), 1u);
    world.after(1s);
    EXPECT_EQ(world.sink.started.size(), 2u);
}

TEST(Delivering, ADefectIsFailedWithoutASend)
{
    World world;
    world.queue.pending.push_back(publication(1));
    world.queue.pending[0].defect = "not an object";
    world.queue.pending.push_back(publication(2));
    world.settle();
    EXPECT_EQ(world.sink.started, std::vector<std::int64_t>{2});
    ASSERT_EQ(world.queue.reports.size(), 1u);
    EXPECT_EQ(world.queue.reports[0].error, "not an object");
}

TEST(Leases, AreExtendedAfterAThird)
{
    World world;
    world.send_one();
    EXPECT_EQ(world.queue.extensions, 0);
    world.after(19s);
    EXPECT_EQ(world.queue.extensions, 0);
    world.after(1s);
    EXPECT_EQ(world.queue.extensions, 1);
    world.after(20s);
    EXPECT_EQ(world.queue.extensions, 2);
}

TEST(Leases, ALostOneStopsTheSendAndIsReportedAllTheSame)
{
    World world;
    world.send_one();
    world.queue.lost.insert(1);
    world.after(20s);
    EXPECT_EQ(world.sink.aborted, std::vector<std::int64_t>{1});
    EXPECT_EQ(world.dispatcher->held(), 0u);
    ASSERT_EQ(world.queue.reports.size(), 1u);
    EXPECT_TRUE(world.queue.reports[0].maybe_stored);
    EXPECT_EQ(world.dispatcher->tally().lost, 1);
}

TEST(Leases, ALostOneThatWasNeverSentIsNotReported)
{
    World world({.concurrency = 1});
    world.queue.pending.push_back(publication(1));
    world.queue.pending.push_back(publication(2));
    world.settle();
    ASSERT_EQ(world.sink.started, std::vector<std::int64_t>{1});
    world.queue.lost.insert(2);
    world.after(20s);
    EXPECT_TRUE(world.queue.reports.empty());
    EXPECT_EQ(world.dispatcher->held(), 1u);
    EXPECT_EQ(world.dispatcher->tally().lost, 1);
}

TEST(Leases, NoSendStartsThatCouldOutliveItsLease)
{
    World world;
    world.send_one();
    world.sink.finish(1, outcome(Verdict::again));
    world.dispatcher->step();
    world.queue.up = false; // the database is away, nothing can be extended
    world.after(46s);
    EXPECT_EQ(world.sink.started.size(), 1u);
    world.queue.up = true;
    world.after(1ms);
    world.settle();
    EXPECT_EQ(world.sink.started.size(), 2u); // extended, and so it may go on with the same secret
}

TEST(Leases, AFailedExtensionIsTriedAgainSoon)
{
    World world;
    world.send_one();
    world.queue.failure = Failure(Failure::Kind::retry, "busy");
    world.clock.time += 20s;
    world.dispatcher->step();
    world.queue.deliver();
    world.queue.failure.reset();
    world.after(5s);
    EXPECT_EQ(world.queue.extensions, 2);
    EXPECT_EQ(world.dispatcher->held(), 1u);
}
