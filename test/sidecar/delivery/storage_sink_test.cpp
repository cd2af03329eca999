// The sink of buckets: a key is made, recorded and delivered in this order, once per claim.
#include <gtest/gtest.h>

#include "delivery/fakes.hpp"
#include "delivery/shared_sink.hpp"
#include "delivery/storage_sink.hpp"
#include "store/scripted_store.hpp"

namespace
{

using namespace fake;

Publication
bucket_publication(std::int64_t id)
{
    Publication made = publication(id);
    made.producer = "storage";
    made.storage = scripted::wanted;
    made.set.clear();
    made.set.push_back({"OF_S3_ACCESS_KEY", Secret("AKIAPLANNED")});
    return made;
}

struct StorageWorld {
    // Threads of the store may outlive the sink, so what they use stays.
    StoreScript &script = *new StoreScript;
    FakeQueue queue;
    FakeSink behind;
    StorageSink sink{behind, queue,
                     [&script = script] { return std::make_unique<ScriptedStore>(script); }, 2,
                     1min};

    // Waits until a thread of the store has something, and takes it.
    std::vector<Finished>
    next()
    {
        pollfd event{sink.fd(), POLLIN, 0};
        EXPECT_EQ(poll(&event, 1, 10'000), 1);
        return sink.collect();
    }
};

std::string
value_of(const Publication &publication, const std::string &name)
{
    for (const Variable &variable : publication.set)
        if (variable.name == name)
            return std::string(variable.value.reveal());
    return "none";
}

} // namespace

TEST(StorageSink, MakesRecordsAndThenDeliversAKey)
{
    StorageWorld world;
    Publication sent = bucket_publication(1);
    world.sink.start(sent);
    EXPECT_TRUE(world.next().empty());
    EXPECT_TRUE(world.behind.started.empty()) << "before the registry said that the claim is ours";
    world.queue.deliver();
    EXPECT_EQ(world.queue.recorded[1], "AKIAPLANNED");
    EXPECT_EQ(world.behind.started, std::vector<std::int64_t>{1});
    EXPECT_EQ(value_of(sent, "OF_S3_SECRET_KEY"), "a-secret-of-the-store");
    EXPECT_EQ(value_of(sent, "OF_S3_ACCESS_KEY"), "AKIAPLANNED");
}

TEST(StorageSink, SendsAgainUnderTheSameClaimWithTheSameKey)
{
    StorageWorld world;
    Publication sent = bucket_publication(1);
    world.sink.start(sent);
    world.next();
    world.queue.deliver();
    world.behind.finish(1, outcome(Verdict::again));
    ASSERT_EQ(world.sink.collect().size(), 1u);
    world.sink.start(sent);
    EXPECT_EQ(world.behind.started, (std::vector<std::int64_t>{1, 1}));
    EXPECT_EQ(world.script.keys, 1);
}

TEST(StorageSink, DeliversNothingWhenTheClaimIsLost)
{
    StorageWorld world;
    Publication sent = bucket_publication(1);
    world.queue.lost.insert(1);
    world.sink.start(sent);
    world.next();
    world.queue.deliver();
    const auto finished = world.sink.collect();
    ASSERT_EQ(finished.size(), 1u);
    EXPECT_EQ(finished[0].outcome.verdict, Verdict::lost);
    EXPECT_TRUE(world.behind.started.empty());
}

TEST(StorageSink, SaysWhatAStoreThatMakesNoKeyMeans)
{
    for (const auto &[status, verdict] : {std::pair(StoreStatus::unreachable, Verdict::again),
                                          std::pair(StoreStatus::again, Verdict::again),
                                          std::pair(StoreStatus::refused, Verdict::unauthorized),
                                          std::pair(StoreStatus::not_found, Verdict::refused)}) {
        StorageWorld world;
        world.script.bucket = status;
        Publication sent = bucket_publication(1);
        world.sink.start(sent);
        const auto finished = world.next();
        ASSERT_EQ(finished.size(), 1u);
        EXPECT_EQ(finished[0].outcome.verdict, verdict);
        EXPECT_EQ(finished[0].outcome.refuser, Refuser::store);
        EXPECT_FALSE(finished[0].outcome.maybe_stored);
        EXPECT_EQ(world.script.keys, 0);
    }
}

TEST(StorageSink, GivesAKeyUpThatTheStoreMayStillMake)
{
    StorageWorld world;
    world.script.keys_uncertain = true;
    Publication sent = bucket_publication(1);
    world.sink.start(sent);
    const auto finished = world.next();
    ASSERT_EQ(finished.size(), 1u);
    EXPECT_EQ(finished[0].outcome.verdict, Verdict::renew);
    EXPECT_FALSE(finished[0].outcome.maybe_stored);
    EXPECT_FALSE(sent.keyed);
}

TEST(StorageSink, BeginsNoRequestWithLessLeaseThanItMayTake)
{
    for (const auto &[left, made] : {std::pair(Duration(50s), 0), std::pair(Duration(1h), 1)}) {
        StorageWorld world;
        Publication sent = bucket_publication(1);
        sent.lease = std::make_shared<Lease>(SystemClock().now() + left);
        world.sink.start(sent);
        const auto finished = world.next();
        EXPECT_EQ(world.script.keys, made);
        ASSERT_EQ(finished.size(), made == 0 ? 1u : 0u);
        for (const Finished &failed : finished)
            EXPECT_EQ(failed.outcome.verdict, Verdict::again) << "when it is extended";
    }
}

TEST(StorageSink, PassesOnWhatHasNothingToMake)
{
    StorageWorld world;
    Publication unset = publication(7);
    world.sink.start(unset);
    EXPECT_EQ(world.behind.started, std::vector<std::int64_t>{7});
}

TEST(StorageSink, ForgetsAKeyThatIsMadeAfterAnAbort)
{
    StorageWorld world;
    Publication sent = bucket_publication(1);
    world.sink.start(sent);
    EXPECT_FALSE(world.sink.abort(1));
    EXPECT_TRUE(world.next().empty());
    world.queue.deliver();
    EXPECT_TRUE(world.queue.recorded.empty());
    EXPECT_TRUE(world.behind.started.empty());
}

TEST(SharedSink, GivesEachShareItsOwnEnds)
{
    auto common = std::make_shared<CommonSink>();
    auto owned = std::make_unique<FakeSink>();
    FakeSink &sink = *owned;
    common->sink = std::move(owned);
    SharedSink first(common);
    SharedSink second(common);
    Publication one = publication(1);
    Publication two = publication(2);
    first.start(one);
    second.start(two);
    sink.finish(1, outcome(Verdict::stored));
    sink.finish(2, outcome(Verdict::stored));
    const auto of_second = second.collect();
    ASSERT_EQ(of_second.size(), 1u);
    EXPECT_EQ(of_second[0].publication_id, 2);
    const auto of_first = first.collect();
    ASSERT_EQ(of_first.size(), 1u);
    EXPECT_EQ(of_first[0].publication_id, 1);
    EXPECT_TRUE(first.collect().empty());
}

TEST(Dispatcher, LosesAPublicationWhoseClaimTheSinkFoundLost)
{
    World world;
    world.queue.pending.push_back(publication(1));
    world.settle();
    world.sink.finish(1, outcome(Verdict::lost));
    world.settle();
    EXPECT_EQ(world.dispatcher->tally().lost, 1);
    EXPECT_EQ(world.dispatcher->held(), 0u);
    EXPECT_EQ(world.dispatcher->sending(), 0u);
}
