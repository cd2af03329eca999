// The object store of Ceph, against a real one: what each call leaves there, also when it is
// repeated, and what it leaves alone.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include <sys/wait.h>

#include "real_store.hpp"
#include "store/bucket_work.hpp"

using namespace sidecar;

namespace
{

class RealStore : public testing::Test
{
protected:
    RgwStore store{real_settings()};
    WantedStorage storage = fresh_storage();
    std::vector<std::string> mended;

    // Makes the bucket as a claim does; the key of the writer.
    NewKey
    provision()
    {
        expect_ok(store.ensure_bucket(storage));
        expect_ok(store.ensure_closed(storage, mended));
        expect_ok(store.ensure_quota(storage, mended));
        return add_key();
    }

    NewKey
    add_key()
    {
        auto key = store.add_key(storage);
        expect_ok(key.result);
        return std::move(key.value);
    }

    static void
    expect_ok(const StoreResult &result)
    {
        EXPECT_TRUE(result.ok()) << result.text;
    }

    // What somebody with this key is answered.
    StoreReply
    as(const NewKey &key, const char *method, const std::string &path, const std::string &body = {})
    {
        StoreClientSettings settings;
        settings.access_key = key.access_key;
        settings.secret = key.secret.clone();
        settings.region = "us-east-1";
        StoreClient client(std::move(settings));
        StoreRequest request{"app", method, variable("RGW_ENDPOINT") + path};
        request.body = body;
        return client.send(request);
    }

    std::string
    object(const std::string &name) const
    {
        return "/" + storage.bucket_name + "/" + name;
    }

    // Plans another key of a principal.
    void
    plan(Access access)
    {
        for (WantedPrincipal &principal : storage.principals) {
            if (principal.access != access)
                continue;
            principal.keys.push_back({fresh_access_key(), true});
            storage.mint = Mint{principal.name, principal.keys.back().access_key};
        }
    }
};

} // namespace

TEST_F(RealStore, TakesOurKey)
{
    const StoreResult result = store.probe();
    EXPECT_TRUE(result.ok()) << result.text;
    EXPECT_EQ(result.text, "");
}

TEST_F(RealStore, RefusesAWrongSecretAndAWrongKeyAsOurFault)
{
    RgwSettings settings = real_settings();
    settings.client.secret = Secret("wrong");
    EXPECT_EQ(RgwStore(std::move(settings)).probe().status, StoreStatus::refused);
    RgwSettings other = real_settings();
    other.client.access_key = "AKIANOBODYNOBODYNOBO";
    RgwStore stranger(std::move(other));
    EXPECT_EQ(stranger.ensure_bucket(storage).status, StoreStatus::refused);
    EXPECT_EQ(stranger.remove_key(storage, storage.mint->name, "AKIAAAAAAAAAAAAAAAAA").status,
              StoreStatus::refused);
}

TEST_F(RealStore, GivesAWriterItsBucketAndNothingElse)
{
    const NewKey key = provision();
    EXPECT_EQ(key.access_key, storage.mint->access_key);
    EXPECT_GE(key.secret.size(), 32U);
    EXPECT_EQ(as(key, "PUT", object("a%20b/c%2Bd"), "text").status, 200);
    EXPECT_EQ(as(key, "GET", object("a%20b/c%2Bd")).body, "text");
    EXPECT_EQ(as(key, "PUT", "/another-" + storage.bucket_name).status, 403);
    EXPECT_EQ(as(key, "DELETE", "/" + storage.bucket_name).status, 403);
    EXPECT_FALSE(store.is_public(storage).value);
    EXPECT_TRUE(store.is_public(storage).ok());
}

TEST_F(RealStore, GivesAReaderNoWayToWrite)
{
    const NewKey writer = provision();
    EXPECT_EQ(as(writer, "PUT", object("a"), "text").status, 200);
    plan(Access::reader);
    const NewKey reader = add_key();
    EXPECT_EQ(as(reader, "GET", object("a")).body, "text");
    EXPECT_EQ(as(reader, "PUT", object("a"), "other").status, 403);
    EXPECT_EQ(as(reader, "DELETE", object("a")).status, 403);
}

TEST_F(RealStore, TakesTheSameAgain)
{
    provision();
    const NewKey again = provision();
    EXPECT_TRUE(mended.empty());
    EXPECT_EQ(as(again, "PUT", object("a"), "text").status, 200);
    storage.made = true;
    const NewKey later = provision();
    EXPECT_TRUE(mended.empty()) << mended.front();
    EXPECT_EQ(as(again, "GET", object("a")).status, 403) << "a repeated key has a new secret";
    EXPECT_EQ(as(later, "GET", object("a")).status, 200);
}

TEST_F(RealStore, RemovesAKeyAtOnceAndLeavesItsSuccessor)
{
    const NewKey first = provision();
    EXPECT_EQ(as(first, "PUT", object("a"), "text").status, 200);
    plan(Access::writer);
    const NewKey second = add_key();
    EXPECT_EQ(as(first, "GET", object("a")).status, 200);
    const std::string writer = storage.mint->name;
    expect_ok(store.remove_key(storage, writer, first.access_key));
    EXPECT_EQ(as(first, "GET", object("a")).code, "InvalidAccessKeyId");
    EXPECT_EQ(as(second, "GET", object("a")).body, "text");
    expect_ok(store.remove_key(storage, writer, first.access_key));
    const auto seen = store.list_keys(storage);
    ASSERT_TRUE(seen.ok()) << seen.result.text;
    EXPECT_EQ(seen.value[0].access_keys, std::vector{second.access_key});
    EXPECT_TRUE(seen.value[0].differences.empty());
    EXPECT_FALSE(seen.value[1].there);
}

TEST_F(RealStore, SuspendsAndResumesEveryKey)
{
    const NewKey key = provision();
    EXPECT_EQ(as(key, "PUT", object("a"), "text").status, 200);
    storage.suspended = true;
    expect_ok(store.suspend(storage));
    EXPECT_EQ(as(key, "GET", object("a")).code, "UserSuspended");
    EXPECT_TRUE(store.list_keys(storage).value[0].suspended);
    storage.suspended = false;
    expect_ok(store.suspend(storage));
    EXPECT_EQ(as(key, "GET", object("a")).status, 200);
}

TEST_F(RealStore, HoldsABucketToItsQuota)
{
    storage.quota = 4096;
    const NewKey key = provision();
    EXPECT_EQ(as(key, "PUT", object("small"), std::string(4096, 'a')).status, 200);
    EXPECT_EQ(as(key, "PUT", object("more"), std::string(4096, 'a')).code, "QuotaExceeded");
    const auto used = store.usage(storage);
    ASSERT_TRUE(used.ok()) << used.result.text;
    EXPECT_EQ(used.value.objects, 1);
    EXPECT_EQ(used.value.bytes, 4096);
    storage.made = true;
    storage.quota.reset();
    expect_ok(store.ensure_quota(storage, mended));
    EXPECT_EQ(mended, std::vector<std::string>{"quota"});
    EXPECT_EQ(as(key, "PUT", object("more"), std::string(4096, 'a')).status, 200);
}

TEST_F(RealStore, MendsAPolicyThatSomebodyChanged)
{
    const NewKey key = provision();
    const NewKey platform{variable("RGW_ACCESS_KEY"), Secret(variable("RGW_SECRET_KEY"))};
    ASSERT_LT(as(platform, "DELETE", "/" + storage.bucket_name + "?policy=").status, 300);
    ASSERT_LT(as(platform, "DELETE", "/" + storage.bucket_name + "?publicAccessBlock=").status,
              300);
    EXPECT_EQ(as(key, "PUT", object("a"), "text").status, 403);
    storage.made = true;
    expect_ok(store.ensure_closed(storage, mended));
    EXPECT_EQ(mended, (std::vector<std::string>{"policy", "public access block"}));
    EXPECT_EQ(as(key, "PUT", object("a"), "text").status, 200);
}

TEST_F(RealStore, NeverTakesOverTheBucketOfSomebodyElse)
{
    const NewKey key = provision();
    EXPECT_EQ(as(key, "PUT", object("a"), "text").status, 200);
    WantedStorage thief = fresh_storage();
    thief.bucket_name = storage.bucket_name;
    EXPECT_EQ(store.ensure_bucket(thief).status, StoreStatus::name_taken);
    thief.present = false;
    EXPECT_EQ(store.remove_bucket(thief).status, StoreStatus::name_taken);
    thief.made = true;
    EXPECT_EQ(store.ensure_closed(thief, mended).status, StoreStatus::name_taken);
    EXPECT_EQ(as(key, "GET", object("a")).body, "text");
}

TEST_F(RealStore, NeverMakesABucketAgainThatIsGone)
{
    storage.made = true;
    EXPECT_EQ(store.ensure_bucket(storage).status, StoreStatus::not_found);
    EXPECT_EQ(store.usage(storage).result.status, StoreStatus::not_found);
}

TEST_F(RealStore, RemovesABucketOnlyWhenItIsToGo)
{
    const NewKey key = provision();
    for (const char *name : {"a", "b", "c"})
        EXPECT_EQ(as(key, "PUT", object(name), "text").status, 200);
    EXPECT_EQ(store.remove_bucket(storage).status, StoreStatus::other);
    EXPECT_EQ(as(key, "GET", object("a")).status, 200);
    const auto names = store.bucket_names();
    EXPECT_NE(std::ranges::find(names.value, storage.bucket_name), names.value.end());
    storage.present = false;
    StoreResult removed;
    do
        removed = store.remove_bucket(storage);
    while (removed.status == StoreStatus::again);
    expect_ok(removed);
    EXPECT_EQ(store.usage(storage).result.status, StoreStatus::not_found);
    EXPECT_EQ(as(key, "GET", object("a")).code, "InvalidAccessKeyId");
    expect_ok(store.remove_bucket(storage));
}

TEST_F(RealStore, MakesNoRequestWithoutLease)
{
    store.guard([] { return false; });
    EXPECT_EQ(store.ensure_bucket(storage).status, StoreStatus::again);
    store.guard({});
    storage.made = true;
    EXPECT_EQ(store.ensure_bucket(storage).status, StoreStatus::not_found);
}

TEST_F(RealStore, LosesUnwantedKeysAtWorkAndNoUnknownOne)
{
    const NewKey first = provision();
    plan(Access::writer);
    const NewKey stray = add_key();
    std::vector<WantedKey> &keys = storage.principals[0].keys;
    keys.pop_back();
    keys.push_back({"AKIAMISSINGMISSINGMI", true});
    storage.mint.reset();
    storage.made = true;
    WorkDone done = do_bucket_work(store, storage);
    expect_ok(done.result);
    EXPECT_EQ(observed_of(done), R"({"objects":0,"bytes":0,"drift":[],"unknown_keys":[")" +
                                     stray.access_key +
                                     R"("],"public":false,"keys_missing":["AKIAMISSINGMISSINGMI"],)"
                                     R"("bucket_missing":false})");
    keys[0].wanted = false;
    expect_ok(do_bucket_work(store, storage).result);
    EXPECT_EQ(as(first, "GET", object("a")).code, "InvalidAccessKeyId");
    EXPECT_EQ(as(stray, "GET", object("a")).code, "NoSuchKey");
    storage.suspended = true;
    expect_ok(do_bucket_work(store, storage).result);
    EXPECT_EQ(as(stray, "GET", object("a")).code, "UserSuspended");
}

TEST_F(RealStore, MakesABucketAtWorkOnceAndRemovesIt)
{
    storage.mint.reset();
    storage.principals[0].keys.clear();
    expect_ok(do_bucket_work(store, storage).result);
    storage.made = true;
    expect_ok(do_bucket_work(store, storage).result);
    storage.present = false;
    while (do_bucket_work(store, storage).result.status == StoreStatus::again)
        ;
    storage.present = true;
    const WorkDone done = do_bucket_work(store, storage);
    expect_ok(done.result);
    EXPECT_TRUE(done.missing);
}

// Runs isolation.py as two apps, each with a bucket and the writer's key of it.
TEST_F(RealStore, LetsNoAppOutOfItsBucketNorAnybodyIn)
{
    const NewKey key = provision();
    const WantedStorage mine = storage;
    storage = fresh_storage();
    const NewKey neighbour = provision();
    const auto tell = [](const char *name, std::string_view value) {
        setenv(name, std::string(value).c_str(), 1);
    };
    tell("APP_BUCKET", mine.bucket_name);
    tell("APP_USER", mine.principals[0].name);
    tell("APP_ACCESS_KEY", key.access_key);
    tell("APP_SECRET_KEY", key.secret.reveal());
    tell("OTHER_BUCKET", storage.bucket_name);
    tell("OTHER_USER", storage.principals[0].name);
    tell("OTHER_ACCESS_KEY", neighbour.access_key);
    tell("OTHER_SECRET_KEY", neighbour.secret.reveal());
    const int status = std::system("/usr/bin/python3 '" APPINFRA_STORE_TESTS "/isolation.py'");
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    storage = mine;
    storage.made = true;
    expect_ok(store.ensure_closed(storage, mended));
    EXPECT_TRUE(mended.empty()) << mended.front();
}
