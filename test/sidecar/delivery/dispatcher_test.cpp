// What becomes of all publications together: the token, claiming, reporting, draining.
#include <gtest/gtest.h>

#include "delivery/fakes.hpp"

using namespace fake;

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
    World world({.concurrency = 4, .batch = 4, .max_held = 64});
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

TEST(Claiming, TakesSeveralAtATimeWhileThereAreSomeLeftToSend)
{
    World world({.concurrency = 8, .batch = 16});
    for (int id = 1; id <= 100; id++)
        world.queue.pending.push_back(publication(id));
    world.settle();
    EXPECT_EQ(world.queue.claims, 1);
    for (int id = 1; id <= 3; id++) {
        world.sink.finish(id, outcome(Verdict::stored));
        world.settle();
    }
    EXPECT_EQ(world.queue.claims, 1);
    EXPECT_EQ(world.sink.under_way.size(), 8u);
    world.sink.finish(4, outcome(Verdict::stored));
    world.settle();
    EXPECT_EQ(world.queue.claims, 2);
    EXPECT_EQ(world.queue.last_batch, 4);
    while (!world.sink.under_way.empty()) {
        world.sink.finish(world.sink.under_way.begin()->first, outcome(Verdict::stored));
        world.settle();
    }
    EXPECT_EQ(world.dispatcher->tally().delivered, 100);
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

TEST(Reporting, NothingIsClaimedWhileAReportIsCutOff)
{
    World world;
    world.send_one();
    world.sink.finish(1, outcome(Verdict::stored));
    world.queue.failure = Failure(Failure::Kind::retry, "lost");
    world.dispatcher->step();
    world.queue.deliver();
    world.queue.failure.reset();
    const int claims = world.queue.claims;
    world.dispatcher->wake();
    world.dispatcher->step();
    EXPECT_EQ(world.queue.claims, claims);
    world.dispatcher->reconnected();
    world.settle();
    EXPECT_EQ(world.queue.reports.size(), 1u); // at once
    EXPECT_GT(world.queue.claims, claims);
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

TEST(Reporting, AFailureThatWasOvertakenIsSupersededAndNoError)
{
    World world;
    world.send_one();
    world.queue.status = "superseded";
    world.sink.finish(1, outcome(Verdict::refused, false, "HTTP 422 bad"));
    world.settle();
    EXPECT_EQ(world.dispatcher->tally().failed, 0);
    EXPECT_EQ(world.dispatcher->tally().stale, 1);
    ASSERT_FALSE(world.lines.empty());
    EXPECT_NE(world.lines.back().find("result=superseded"), std::string::npos)
        << world.lines.back();
    EXPECT_EQ(world.lines.back().find("error publication"), std::string::npos);
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
