// What becomes of a publication: every row of the contract's table, leases, the token, draining.
#include <gtest/gtest.h>

#include <algorithm>

#include "fakes.hpp"

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
    world.after(29s);
    EXPECT_EQ(world.sink.started.size(), 1u);
    world.after(2s);
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

TEST(Token, ARefusedOneHoldsTheClaimsAndStopsClaiming)
{
    World world({.concurrency = 2, .batch = 2});
    world.queue.pending.push_back(publication(1));
    world.queue.pending.push_back(publication(2));
    world.settle();
    world.sink.finish(1, outcome(Verdict::unauthorized));
    world.sink.finish(2, outcome(Verdict::unauthorized));
    world.settle();
    EXPECT_TRUE(world.dispatcher->unauthorized());
    world.queue.pending.push_back(publication(3));
    world.dispatcher->wake();
    const int claims = world.queue.claims;
    world.after(59s);
    EXPECT_EQ(world.queue.claims, claims);
    EXPECT_EQ(world.sink.started.size(), 2u);
    EXPECT_EQ(world.dispatcher->held(), 2u);
    EXPECT_TRUE(world.queue.reports.empty());
    world.after(1s);
    EXPECT_EQ(world.sink.started.size(), 3u); // one of them, after a minute
    world.sink.finish(world.sink.started.back(), outcome(Verdict::stored));
    world.settle();
    EXPECT_FALSE(world.dispatcher->unauthorized());
    EXPECT_GE(world.sink.started.size(), 4u); // and then the others
    EXPECT_GT(world.queue.claims, claims);
}

TEST(Token, AtSighupOneHeldClaimIsTriedAtOnce)
{
    World world;
    world.send_one();
    world.sink.finish(1, outcome(Verdict::unauthorized));
    world.settle();
    world.dispatcher->retry_held();
    world.settle();
    EXPECT_EQ(world.sink.started.size(), 2u);
    world.sink.finish(1, outcome(Verdict::unauthorized));
    world.settle();
    EXPECT_TRUE(world.dispatcher->unauthorized());
    EXPECT_EQ(world.sink.started.size(), 2u);
}

TEST(Token, AnAppThatIsForbiddenForGoodIsNotTheOnlyOneTried)
{
    World world({.concurrency = 1});
    world.queue.pending.push_back(publication(1));
    world.queue.pending.push_back(publication(2));
    world.settle();
    world.sink.finish(1, outcome(Verdict::unauthorized));
    world.settle();
    world.after(1min);
    EXPECT_EQ(world.sink.started.back(), 2);
}

TEST(Token, WithNothingHeldOneIsClaimedToTryIt)
{
    World world;
    world.send_one();
    world.sink.finish(1, outcome(Verdict::unauthorized));
    world.settle();
    world.queue.lost.insert(1);
    world.after(20s);
    ASSERT_EQ(world.dispatcher->held(), 0u);
    world.queue.pending.push_back(publication(2));
    world.queue.pending.push_back(publication(3));
    world.after(60s);
    world.settle();
    EXPECT_EQ(world.queue.last_batch, 1);
    EXPECT_EQ(world.sink.started.back(), 2);
}

TEST(Concurrency, IsBoundedAndASlowOneHoldsUpNoOther)
{
    World world({.concurrency = 2});
    for (int id = 1; id <= 6; id++)
        world.queue.pending.push_back(publication(id));
    world.settle();
    EXPECT_EQ(world.sink.under_way.size(), 2u);
    for (int id = 2; id <= 6; id++) { // 1 is slow
        world.sink.finish(id, outcome(Verdict::stored));
        world.settle();
        EXPECT_LE(world.sink.under_way.size(), 2u);
    }
    EXPECT_EQ(world.dispatcher->tally().delivered, 5);
    EXPECT_EQ(world.dispatcher->held(), 1u);
}

TEST(Outage, ClaimsNoMoreThanItCanUse)
{
    World world({.concurrency = 4, .batch = 4, .most_held = 64});
    for (int id = 1; id <= 100; id++)
        world.queue.pending.push_back(publication(id));
    for (int i = 0; i < 400; i++) {
        world.settle();
        for (const auto &[id, sending] : std::map(world.sink.under_way))
            world.sink.finish(id, outcome(Verdict::again));
        world.after(250ms);
    }
    EXPECT_LE(world.dispatcher->held(), 12u);
    EXPECT_TRUE(world.queue.reports.empty());
    EXPECT_GT(world.sink.started.size(), 20u);
}

TEST(Claiming, IsRepeatedAtOnceAfterAFullBatchAndElseAtThePoll)
{
    World world({.concurrency = 8, .batch = 2});
    for (int id = 1; id <= 3; id++)
        world.queue.pending.push_back(publication(id));
    world.settle();
    EXPECT_EQ(world.queue.claims, 2);
    EXPECT_EQ(world.sink.started.size(), 3u);
    world.after(4s);
    EXPECT_EQ(world.queue.claims, 2);
    world.after(1s);
    EXPECT_EQ(world.queue.claims, 3);
}

TEST(Claiming, AFailureIsKeptAndItIsTriedAgainAtThePoll)
{
    World world;
    world.queue.failure = Failure(Failure::Kind::configuration, "no such function");
    world.dispatcher->step();
    world.queue.deliver();
    ASSERT_TRUE(world.dispatcher->claim_failure());
    EXPECT_EQ(world.dispatcher->claim_failure()->kind(), Failure::Kind::configuration);
    world.dispatcher->wake();
    world.dispatcher->step();
    EXPECT_EQ(world.queue.claims, 1);
    world.queue.failure.reset();
    world.after(5s);
    EXPECT_EQ(world.queue.claims, 2);
    EXPECT_FALSE(world.dispatcher->claim_failure());
}

TEST(Reporting, IsRepeatedUntilTheDatabaseTakesIt)
{
    World world;
    world.send_one();
    world.sink.finish(1, outcome(Verdict::stored));
    world.queue.failure = Failure(Failure::Kind::retry, "lost");
    world.dispatcher->step();
    world.queue.deliver();
    EXPECT_EQ(world.dispatcher->held(), 0u); // the secret is gone already
    EXPECT_FALSE(world.dispatcher->idle());
    world.queue.failure.reset();
    world.after(1s);
    ASSERT_EQ(world.queue.reports.size(), 1u);
    EXPECT_TRUE(world.dispatcher->idle());
}

TEST(Reporting, ALateAnswerCountsAsLost)
{
    World world;
    world.send_one();
    world.queue.lost.insert(1);
    world.sink.finish(1, outcome(Verdict::stored));
    world.settle();
    ASSERT_EQ(world.queue.reports.size(), 1u);
    EXPECT_TRUE(world.queue.reports[0].complete);
    EXPECT_EQ(world.dispatcher->tally().delivered, 0);
    EXPECT_EQ(world.dispatcher->tally().lost, 1);
}

TEST(Draining, GivesBackWhatIsNotUnderWayAndFinishesTheRest)
{
    World world({.concurrency = 1});
    world.queue.pending.push_back(publication(1));
    world.queue.pending.push_back(publication(2));
    world.settle();
    world.dispatcher->drain();
    world.settle();
    ASSERT_EQ(world.queue.reports.size(), 1u);
    EXPECT_EQ(world.queue.reports[0].publication_id, 2);
    EXPECT_TRUE(world.queue.reports[0].retry_now);
    EXPECT_FALSE(world.queue.reports[0].maybe_stored);
    EXPECT_FALSE(world.dispatcher->idle());
    world.sink.finish(1, outcome(Verdict::stored));
    world.settle();
    EXPECT_TRUE(world.queue.reports[1].complete);
    EXPECT_TRUE(world.dispatcher->idle());
    const int claims = world.queue.claims;
    world.after(10min);
    EXPECT_EQ(world.queue.claims, claims);
}

TEST(Draining, ASendThatFailsMeanwhileIsGivenBack)
{
    World world;
    world.send_one();
    world.dispatcher->drain();
    world.sink.finish(1, outcome(Verdict::again, true));
    world.settle();
    ASSERT_EQ(world.queue.reports.size(), 1u);
    EXPECT_TRUE(world.queue.reports[0].retry_now);
    EXPECT_TRUE(world.queue.reports[0].maybe_stored);
}

TEST(Draining, WhatIsLeftAtTheEndIsEndedAndUnknownOnlyIfItWasSent)
{
    for (const bool sent : {true, false}) {
        World world;
        world.sink.abort_maybe_stored = sent;
        world.send_one();
        world.dispatcher->drain();
        world.dispatcher->abandon();
        world.settle();
        ASSERT_EQ(world.queue.reports.size(), 1u);
        EXPECT_TRUE(world.queue.reports[0].retry_now);
        EXPECT_EQ(world.queue.reports[0].maybe_stored, sent);
        EXPECT_TRUE(world.dispatcher->idle());
    }
}

TEST(Publishing, IsExhaustedWhenAClaimAfterTheLastReportFindsNothing)
{
    World world;
    EXPECT_FALSE(world.dispatcher->exhausted());
    world.send_one();
    EXPECT_FALSE(world.dispatcher->exhausted());
    world.queue.pending.push_back(publication(2)); // was waiting behind 1
    world.sink.finish(1, outcome(Verdict::stored));
    world.settle();
    EXPECT_EQ(world.sink.started.back(), 2);
    EXPECT_FALSE(world.dispatcher->exhausted());
    world.sink.finish(2, outcome(Verdict::stored));
    world.settle();
    EXPECT_TRUE(world.dispatcher->exhausted());
}
