// How work at buckets is claimed, held and reported, with a registry and a store that are scripted.
#include <gtest/gtest.h>

#include <utility>

#include "base/failure.hpp"
#include "store/bucket_worker.hpp"

using namespace sidecar;

namespace
{

class TurnedClock final : public Clock
{
public:
    TimePoint
    now() const override
    {
        return time;
    }
    WallTime
    wall() const override
    {
        return {};
    }
    TimePoint time{};
};

class FakeWork final : public WorkQueue
{
public:
    std::vector<ClaimedWork>
    claim(int, Duration, Compare compare) override
    {
        compares.push_back(compare);
        return std::exchange(due, {});
    }
    bool
    extend(const ClaimedWork &, Duration) override
    {
        extensions++;
        return held;
    }
    bool
    complete(const ClaimedWork &work, const std::string &observed) override
    {
        reports.push_back(work.bucket_id + " " + observed);
        return held;
    }
    void
    fail(const ClaimedWork &work, const std::string &error, const char *code,
         std::optional<Duration> again_in) override
    {
        reports.push_back(work.bucket_id + " " + code + " " + error + (again_in ? " soon" : ""));
    }

    std::vector<ClaimedWork> due;
    std::vector<Compare> compares;
    std::vector<std::string> reports;
    int extensions = 0;
    bool held = true;
};

// A store whose every request takes the same time, and which answers all with one result.
class FakeStore final : public ObjectStore
{
public:
    explicit FakeStore(TurnedClock &clock) : clock_(clock)
    {
    }
    const char *
    backend() const override
    {
        return "rgw";
    }
    void
    guard(std::function<bool()> may_begin) override
    {
        may_begin_ = std::move(may_begin);
    }
    StoreResult
    ensure_bucket(const WantedStorage &) override
    {
        return call();
    }
    StoreResult
    ensure_closed(const WantedStorage &, std::vector<std::string> &) override
    {
        return call();
    }
    StoreResult
    ensure_quota(const WantedStorage &, std::vector<std::string> &) override
    {
        return call();
    }
    StoreAnswer<NewKey>
    add_key(const WantedStorage &) override
    {
        return {call()};
    }
    StoreResult
    remove_key(const WantedStorage &, const std::string &, const std::string &) override
    {
        return call();
    }
    StoreAnswer<std::vector<SeenPrincipal>>
    list_keys(const WantedStorage &) override
    {
        return {call()};
    }
    StoreResult
    suspend(const WantedStorage &) override
    {
        return call();
    }
    StoreAnswer<Usage>
    usage(const WantedStorage &) override
    {
        return {call(), {3, 42}};
    }
    StoreAnswer<bool>
    is_public(const WantedStorage &) override
    {
        return {call()};
    }
    StoreResult
    remove_bucket(const WantedStorage &) override
    {
        return call();
    }
    StoreAnswer<std::vector<std::string>>
    bucket_names() override
    {
        return {call()};
    }
    StoreResult
    probe() override
    {
        return call();
    }

    StoreResult result{};
    Duration call_time{};
    int calls = 0;

private:
    StoreResult
    call()
    {
        if (may_begin_ && !may_begin_())
            return {StoreStatus::again, "no lease"};
        calls++;
        clock_.time += call_time;
        return result;
    }

    TurnedClock &clock_;
    std::function<bool()> may_begin_;
};

class Worker : public testing::Test
{
protected:
    TurnedClock clock;
    FakeWork queue;
    FakeStore store{clock};
    Log log{LogFormat::text, LogLevel::error, [](const std::string &) {
            }};
    BucketWorker worker{WorkerSettings{}, queue, store, clock, log};

    void
    SetUp() override
    {
        queue.due = {{"buk-1", "claim", 7, R"({"backend": "rgw", "bucket_name": "b",
            "region": "r", "present": true, "made": true, "suspended": false, "quota": null,
            "principals": [], "mint": null})"}};
    }
};

} // namespace

TEST_F(Worker, TellsWhatItFound)
{
    EXPECT_EQ(worker.turn(Compare::yes), 1U);
    EXPECT_EQ(queue.reports, std::vector<std::string>{
                                 R"(buk-1 {"objects":3,"bytes":42,"drift":[],"unknown_keys":[],)"
                                 R"("public":false,"keys_missing":[],"bucket_missing":false})"});
    EXPECT_EQ(queue.extensions, 0);
    EXPECT_EQ(worker.turn(Compare::yes), 0U);
}

TEST_F(Worker, ComparesBucketsOnlyWhenItIsTheirTime)
{
    worker.turn(Compare::no);
    worker.turn(Compare::yes);
    EXPECT_EQ(queue.compares, (std::vector{Compare::no, Compare::yes}));
}

TEST_F(Worker, ExtendsItsLeaseBeforeARequestThatMightOutliveIt)
{
    store.call_time = std::chrono::seconds(50);
    worker.turn(Compare::yes);
    EXPECT_EQ(store.calls, 6);
    EXPECT_GE(queue.extensions, 2);
    ASSERT_EQ(queue.reports.size(), 1U);
}

TEST_F(Worker, StopsWhereItStandsWhenTheClaimIsLost)
{
    store.call_time = std::chrono::seconds(50);
    queue.held = false;
    worker.turn(Compare::yes);
    EXPECT_EQ(store.calls, 2);
    EXPECT_TRUE(queue.reports.empty());
}

TEST_F(Worker, SaysWhyTheStoreRefusesUntilItDoesNot)
{
    store.result = {StoreStatus::refused, "the clock"};
    queue.due.push_back(queue.due.front());
    worker.turn(Compare::yes);
    EXPECT_EQ(queue.reports.front(), "buk-1 unreachable the clock");
    EXPECT_EQ(worker.refusal(), "the clock");
    SetUp();
    store.result = {};
    worker.turn(Compare::yes);
    EXPECT_EQ(worker.refusal(), "");
}

TEST_F(Worker, LooksAgainSoonAtWhatIsUnderWay)
{
    store.result = {StoreStatus::again, "at it"};
    worker.turn(Compare::yes);
    EXPECT_EQ(queue.reports, std::vector<std::string>{"buk-1 unreachable at it soon"});
}

TEST_F(Worker, FailsADocumentThatCannotBeReadAndGoesOn)
{
    queue.due.insert(queue.due.begin(), {"buk-0", "claim", 1, "{}"});
    worker.turn(Compare::yes);
    ASSERT_EQ(queue.reports.size(), 2U);
    EXPECT_EQ(queue.reports[0].rfind("buk-0 other ", 0), 0U) << queue.reports[0];
}
