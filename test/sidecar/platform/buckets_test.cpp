// The use cases of buckets against a database that is a table of answers, and a store that says
// what it is told to: ownership, guests, and what comes of a hand-out.
#include <gtest/gtest.h>

#include "platform/bucket_run.hpp"
#include "platform/buckets.hpp"
#include "platform/fake_database.hpp"
#include "store/scripted_store.hpp"

using namespace sidecar;

namespace
{

const std::string bucket = "buk-0123456789abc";
const std::string planned =
    R"({"bucket_id":"buk-0123456789abc","bucket_name":"app-0a1b2c","endpoint_url":"http://s",)"
    R"("access_key":null,"region":"r","status":"planned","env_keys":["MY_ACCESS_KEY","MY_BUCKET",)"
    R"("MY_ENDPOINT","MY_REGION","MY_SECRET_KEY"]})";
const std::string handout =
    std::string(R"({"publication_id":"7","claim":"c","storage":)") + scripted::wanted + "}";

Caller
guest()
{
    Caller caller;
    caller.user = "guest:abcdefghijklmnop";
    caller.guest = caller.may_found = true;
    caller.guest_quota = 100;
    return caller;
}

StoreDoor
door_to(StoreScript &script)
{
    return {[&script] { return std::make_unique<ScriptedStore>(script); }, "worker"};
}

// A registry in which everything goes well.
FakeDatabase
willing()
{
    FakeDatabase database;
    database.answers = {{"reach", nobodys},         {"provision_bucket", planned},
                        {"begin_handout", handout}, {"record_key", "t"},
                        {"complete_handout", "t"},  {"guest_buckets", "0"},
                        {"guest_apps", "0"},        {"own_bucket", "a"}};
    return database;
}

// What a run comes to when it is asked once, with the time over.
use_cases::Answer
last_of(use_cases::BucketRun run, Database &database)
{
    if (auto *answer = std::get_if<use_cases::Answer>(&run))
        return *answer;
    return std::get<use_cases::BucketPoll>(run)(database, true).value();
}

} // namespace

TEST(BucketOwnership, IsAskedOfTheDatabaseInEveryUseCase)
{
    FakeDatabase database;
    StoreScript script;
    const StoreDoor door = door_to(script);
    const Input none;
    const auto missing = [&](auto call) {
        return problem_in(call).status == 404;
    };
    EXPECT_TRUE(missing([&] { use_cases::get_bucket(database, user, bucket); }));
    EXPECT_TRUE(missing([&] { use_cases::rotate_bucket(database, user, bucket, none, door); }));
    EXPECT_TRUE(missing([&] { use_cases::restore_bucket(database, user, bucket, none, door); }));
    EXPECT_TRUE(missing([&] { use_cases::revoke_bucket(database, user, bucket, none); }));
    EXPECT_TRUE(missing([&] { use_cases::remove_bucket(database, user, bucket, none); }));
    EXPECT_TRUE(missing([&] { use_cases::alter_bucket(database, user, bucket, none); }));
    EXPECT_TRUE(missing([&] { use_cases::check_bucket(database, user, bucket); }));
    ASSERT_EQ(database.asked.size(), 7u);
    for (const auto &[query, parameters] : database.asked) {
        EXPECT_TRUE(query == "own_bucket" || query == "get_bucket") << query;
        EXPECT_EQ(parameters, (Parameters{bucket, "f", user.user, std::nullopt}));
    }
    EXPECT_TRUE(missing([&] { use_cases::get_bucket(database, user, "db-0123456789ab"); }));
    EXPECT_EQ(database.asked.size(), 7u) << "what can be no bucket is not asked for";
}

TEST(BucketHandout, AnswersWithTheKeyAndItsVariables)
{
    FakeDatabase database = willing();
    StoreScript script;
    const auto answer =
        last_of(use_cases::provision_bucket(database, user,
                                            input(R"({"app_id":"app-1","env_prefix":"MY"})",
                                                  use_cases::provision_bucket_fields),
                                            door_to(script)),
                database);
    EXPECT_TRUE(answer.secret);
    EXPECT_TRUE(answer.created);
    const Json json = parse_json(answer.json);
    EXPECT_EQ(string_member(json, "secret_key"), "a-secret-of-the-store");
    EXPECT_EQ(string_member(json, "access_key"), "AKIAPLANNED");
    EXPECT_EQ(string_member(json, "status"), "ready");
    EXPECT_STREQ(json_string_value(
                     json_object_get(json_object_get(json.get(), "env_payload"), "MY_SECRET_KEY")),
                 "a-secret-of-the-store");
    EXPECT_EQ(json_object_size(json_object_get(json.get(), "env_payload")), 5u);
    EXPECT_EQ(database.parameters_of("record_key"), (Parameters{"7", "c", "AKIAPLANNED"}));
    EXPECT_EQ(database.parameters_of("provision_bucket")[5], "f");
}

TEST(BucketHandout, IsUnavailableWithTheBucketsIdWhenTheStoreMakesNoKey)
{
    FakeDatabase database = willing();
    StoreScript script;
    script.bucket = StoreStatus::unreachable;
    const Problem problem = problem_in([&] {
        last_of(use_cases::provision_bucket(
                    database, user,
                    input(R"({"app_id":"app-1"})", use_cases::provision_bucket_fields),
                    door_to(script)),
                database);
    });
    EXPECT_EQ(problem.status, 503);
    EXPECT_EQ(problem.title, "storage_unavailable");
    EXPECT_EQ(problem.bucket_id, bucket);
    EXPECT_NE(problem.retry_after, 0);
    EXPECT_EQ(database.parameters_of("fail_handout")[0], "7");
    EXPECT_EQ(database.parameters_of("record_key"), Parameters());
}

TEST(BucketHandout, IsRefusedBeforeAnythingIsMadeWhereThereIsNoStore)
{
    FakeDatabase database = willing();
    const Problem problem = problem_in([&] {
        use_cases::provision_bucket(
            database, user, input(R"({"app_id":"app-1"})", use_cases::provision_bucket_fields), {});
    });
    EXPECT_EQ(problem.title, "storage_unavailable");
    EXPECT_EQ(database.parameters_of("provision_bucket"), Parameters());
}

TEST(BucketHandout, TellsNothingWhenTheClaimWasLost)
{
    FakeDatabase database = willing();
    database.answers["record_key"] = "f";
    StoreScript script;
    const Problem problem = problem_in([&] {
        last_of(use_cases::rotate_bucket(database, user, bucket, Input(), door_to(script)),
                database);
    });
    EXPECT_EQ(problem.title, "storage_unavailable");
    EXPECT_EQ(database.parameters_of("complete_handout"), Parameters());
}

TEST(BucketRepetition, GoesOnWhereTheFirstTryEndedBeforeItsAnswer)
{
    for (const bool handed_out : {false, true}) {
        FakeDatabase database = willing();
        database.answers["is_new_bucket"] = "f";
        database.answers["has_key"] = handed_out ? "t" : "f";
        StoreScript script;
        const auto answer =
            last_of(use_cases::provision_bucket(database, user,
                                                input(R"({"app_id":"app-1","idempotency_key":"k"})",
                                                      use_cases::provision_bucket_fields),
                                                door_to(script)),
                    database);
        EXPECT_EQ(answer.created, !handed_out);
        EXPECT_EQ(answer.secret, !handed_out);
        EXPECT_EQ(answer.json.find("secret_key\":") != std::string::npos, !handed_out);
    }
}

TEST(Guest, HasItsKeyHandedOutAndNothingPublished)
{
    FakeDatabase database = willing();
    StoreScript script;
    const auto answer =
        last_of(use_cases::provision_bucket(database, guest(),
                                            input(R"({"app_id":"app-1","publish":true})",
                                                  use_cases::provision_bucket_fields),
                                            door_to(script)),
                database);
    EXPECT_TRUE(answer.secret);
    const Parameters parameters = database.parameters_of("provision_bucket");
    EXPECT_EQ(parameters[1], guest().user);
    EXPECT_EQ(parameters[4], "100") << "the guest's quota";
    EXPECT_EQ(parameters[5], "f");
    EXPECT_EQ(database.parameters_of("register_app")[0], "app-1");
}

TEST(Guest, HasFewBucketsAppsAndBytes)
{
    StoreScript script;
    const auto refused = [&](const char *counted, const char *many, const char *body) {
        FakeDatabase database = willing();
        database.answers[counted] = many;
        const Problem problem = problem_in([&] {
            use_cases::provision_bucket(database, guest(),
                                        input(body, use_cases::provision_bucket_fields),
                                        door_to(script));
        });
        return problem.title == "refused" &&
               database.parameters_of("provision_bucket") == Parameters();
    };
    EXPECT_TRUE(refused("guest_buckets", "3", R"({"app_id":"app-1"})"));
    EXPECT_TRUE(refused("guest_apps", "3", R"({"app_id":"app-1"})"));
    EXPECT_TRUE(refused("", "", R"({"app_id":"app-1","quota":101})"));
    EXPECT_TRUE(refused("", "", R"({"app_id":"app-1","quota":0})"));
    EXPECT_FALSE(refused("guest_buckets", "2", R"({"app_id":"app-1","quota":100})"));
}

TEST(BucketRevocation, Is202UntilTheStoreHasSaidSo)
{
    FakeDatabase database = willing();
    database.answers["revoke_bucket"] = "2";
    auto run = use_cases::revoke_bucket(database, user, bucket, Input());
    auto &poll = std::get<use_cases::BucketPoll>(run);
    database.answers["bucket_keys_gone"] = "f";
    EXPECT_FALSE(poll(database, false));
    EXPECT_EQ(poll(database, true)->status, 202);
    database.answers["bucket_keys_gone"] = "t";
    EXPECT_EQ(poll(database, false)->status, 200);
    EXPECT_EQ(poll(database, false)->json, R"({"revoked":2})");
}

TEST(BucketPublication, WaitsUntilTheStoreHasTheBucket)
{
    FakeDatabase database = willing();
    database.answers["bucket_retention"] = R"({"status":"planned"})";
    auto run = use_cases::provision_bucket(
        database, user,
        input(R"({"app_id":"app-1","publish":true})", use_cases::provision_bucket_fields), {});
    auto &poll = std::get<use_cases::BucketPoll>(run);
    EXPECT_FALSE(poll(database, false));
    EXPECT_NE(poll(database, true)->json.find(R"("status":"planned")"), std::string::npos);
    database.answers["bucket_retention"] = R"({"status":"ready"})";
    const auto answer = poll(database, false).value();
    EXPECT_NE(answer.json.find(R"("status":"ready")"), std::string::npos);
    EXPECT_FALSE(answer.secret);
}
