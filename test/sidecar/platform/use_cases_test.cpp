// The use cases against a database that is a table of answers: whose is whose, what goes into which
// statement, and what a request may say.
#include <gtest/gtest.h>

#include "platform/credentials.hpp"
#include "platform/fake_database.hpp"
#include "platform/ownership.hpp"
#include "platform/services.hpp"
#include "platform/use_cases.hpp"
#include "platform/variables.hpp"

using namespace sidecar;

TEST(Ownership, IsAskedOfTheDatabaseInEveryUseCase)
{
    FakeDatabase database;
    const Input none;
    const use_cases::Service worker = {"worker", "host-1"};
    const auto missing = [&](auto call) {
        return problem_in(call).status == 404;
    };
    EXPECT_TRUE(missing([&] { use_cases::get(database, user, id); }));
    EXPECT_TRUE(missing([&] { use_cases::rotate(database, user, id, none); }));
    EXPECT_TRUE(missing([&] { use_cases::revoke(database, user, id, none); }));
    EXPECT_TRUE(missing([&] { use_cases::restore(database, user, id, none); }));
    EXPECT_TRUE(missing([&] { use_cases::remove(database, user, id, none); }));
    EXPECT_TRUE(missing([&] { use_cases::exposures(database, user, id); }));
    EXPECT_TRUE(missing([&] { use_cases::check(database, user, id); }));
    EXPECT_TRUE(missing([&] { use_cases::list_credentials(database, user, id); }));
    EXPECT_TRUE(missing([&] { use_cases::issue_credential(database, user, id, none); }));
    EXPECT_TRUE(missing([&] { use_cases::revoke_credential(database, user, id, "u", none); }));
    EXPECT_TRUE(missing([&] { use_cases::list_publications(database, user, id, none); }));
    EXPECT_TRUE(missing([&] { use_cases::list_services(database, user, id); }));
    EXPECT_TRUE(missing([&] { use_cases::create_service(database, user, id, none); }));
    EXPECT_TRUE(missing([&] { use_cases::set_services(database, user, id, none); }));
    EXPECT_TRUE(missing([&] { use_cases::rotate_service(database, user, id, worker, none); }));
    EXPECT_TRUE(missing([&] { use_cases::drop_service(database, user, id, worker); }));
    EXPECT_TRUE(missing([&] { use_cases::list_variables(database, user, id); }));
    EXPECT_TRUE(missing([&] { use_cases::bind_variables(database, user, id, none); }));
    EXPECT_TRUE(missing([&] { use_cases::unbind_variables(database, user, id, none); }));
    EXPECT_TRUE(missing([&] { use_cases::alter(database, user, id, none); }));
    ASSERT_EQ(database.asked.size(), 20u);
    for (const auto &[query, parameters] : database.asked) {
        EXPECT_TRUE(query == "own" || query == "get") << query;
        EXPECT_EQ(parameters, (Parameters{id, "f", user.user, std::nullopt}));
    }
}

TEST(Ownership, ThatIsLostMeanwhileUndoesTheChange)
{
    const auto lost = [](const char *query, auto call) {
        FakeDatabase database;
        database.answers = {{"own", "a"}, {query, made}};
        database.gives_away = query;
        const Problem problem = problem_in([&] { call(database); });
        return problem.status == 404 && database.asked.back().first == "own" &&
               database.parameters_of(query) != Parameters();
    };
    const Input none;
    EXPECT_TRUE(lost("rotate", [&](Database &d) { use_cases::rotate(d, user, id, none); }));
    EXPECT_TRUE(lost("revoke", [&](Database &d) { use_cases::revoke(d, user, id, none); }));
    EXPECT_TRUE(lost("restore", [&](Database &d) { use_cases::restore(d, user, id, none); }));
    EXPECT_TRUE(lost("remove", [&](Database &d) { use_cases::remove(d, user, id, none); }));
    EXPECT_TRUE(lost("issue_credential",
                     [&](Database &d) { use_cases::issue_credential(d, user, id, none); }));
    EXPECT_TRUE(lost("revoke_credential",
                     [&](Database &d) { use_cases::revoke_credential(d, user, id, "u", none); }));
    EXPECT_TRUE(
        lost("set_services", [&](Database &d) { use_cases::set_services(d, user, id, none); }));
    EXPECT_TRUE(lost("rotate_service",
                     [&](Database &d) { use_cases::rotate_service(d, user, id, {}, none); }));
}

TEST(Binding, InAnotherAppNeedsTheOwnersAndOnesOwn)
{
    FakeDatabase database;
    const Input other = input(R"({"env":{"A":"owner"},"app_id":"app-b"})", use_cases::bind_fields);
    const auto status = [&](const Caller &caller) {
        return problem_in([&] { use_cases::bind_variables(database, caller, id, other); }).status;
    };
    database.answers = {
        {"own", "app-a"}, {"bind_app", made}, {"get", R"({"owner_user_id":"u@example.com"})"}};
    EXPECT_EQ(status(user), 404); // the caller does not reach the app
    EXPECT_EQ(database.parameters_of("bind_app"), Parameters());
    database.answers["reach"] = R"({"owner":"o@example.com","slug":null})";
    EXPECT_EQ(status(admin), 409); // who reaches both
    EXPECT_EQ(database.parameters_of("bind_app"), Parameters());
    database.answers["reach"] = R"({"owner":"u@example.com","slug":null})";
    EXPECT_EQ(status(user), 0);
    EXPECT_EQ(database.parameters_of("bind_app"),
              (Parameters{id, "app-b", R"({"A":"owner"})", "f", std::nullopt}));
}

TEST(Ownership, OfAPublicationIsThatOfItsDatabase)
{
    FakeDatabase database;
    database.answers["publication_database"] = id;
    const auto status = [&](const char *publication, std::optional<std::string> db_id) {
        return problem_in([&] { use_cases::retry_publication(database, user, publication, db_id); })
            .status;
    };
    EXPECT_EQ(status("7", std::nullopt), 404); // another's
    database.answers["own"] = "app-a";
    EXPECT_EQ(status("7", std::nullopt), 0);
    EXPECT_EQ(status("7", "db-0123456789ac"), 404);
    database.asked.clear();
    for (const char *wrong : {"", "x", "-1", "1.5", "1234567890123456789"})
        EXPECT_EQ(status(wrong, std::nullopt), 404) << wrong;
    EXPECT_TRUE(database.asked.empty());
}

TEST(Ownership, OfWhatIsNoIdIsNotEvenAsked)
{
    FakeDatabase database;
    for (const char *wrong : {"", "db-", "db-0123456789AB", "db-0123456789ab'", "db-0123456789a"})
        EXPECT_EQ(problem_in([&] { use_cases::get(database, user, wrong); }).status, 404);
    EXPECT_TRUE(database.asked.empty());
}

TEST(Ownership, OfADatabaseOfAnotherAppIsNone)
{
    FakeDatabase database;
    database.answers["own"] = "app-a";
    EXPECT_EQ(problem_in([&] { use_cases::own(database, user, id, "app-a"); }).status, 0);
    EXPECT_EQ(problem_in([&] { use_cases::own(database, user, id, "app-b"); }).status, 404);
}

TEST(Provisioning, IsForOneselfUnlessAdministrator)
{
    FakeDatabase database;
    database.answers = {{"provision", made}, {"reach", nobodys}};
    const Input other = input(R"({"app_id":"a","slug":"s","owner_user_id":"o@example.com"})",
                              use_cases::provision_fields);
    EXPECT_EQ(problem_in([&] { use_cases::provision(database, user, other); }).status, 403);
    const auto answer = use_cases::provision(database, admin, other);
    EXPECT_TRUE(answer.secret);
    EXPECT_TRUE(answer.created);
    EXPECT_EQ(database.parameters_of("provision"),
              (Parameters{"a", "o@example.com", "s", "postgres", R"({"DATABASE_URL": "owner"})",
                          "f", std::nullopt, std::nullopt}));
    EXPECT_EQ(database.acting, admin.user);
}

TEST(Provisioning, ForAnAppThatIsNotReachedIsNotFound)
{
    FakeDatabase database;
    database.answers["provision"] = made;
    const Input mine = input(R"({"app_id":"a","slug":"s"})", use_cases::provision_fields);
    Caller caller = user;
    caller.apps = R"(["b"])";
    caller.may_found = true;
    EXPECT_EQ(problem_in([&] { use_cases::provision(database, caller, mine); }).status, 404);
    EXPECT_EQ(database.parameters_of("reach"), (Parameters{"a", "f", user.user, R"(["b"])", "t"}));
    EXPECT_EQ(database.parameters_of("provision"), Parameters());
    EXPECT_EQ(problem_in([&] {
                  use_cases::list(database, user,
                                  input(R"({"app_id":"a"})", use_cases::list_fields));
              }).status,
              404);
}

TEST(Provisioning, IsForTheOwnerOfTheApp)
{
    const auto owner = [](const Caller &caller, const char *json) {
        FakeDatabase database;
        database.answers = {{"provision", made},
                            {"reach", R"({"owner":"o@example.com","slug":null})"}};
        const Problem problem = problem_in([&] {
            use_cases::provision(database, caller, input(json, use_cases::provision_fields));
        });
        const Parameters parameters = database.parameters_of("provision");
        return parameters.empty() ? std::to_string(problem.status) : *parameters.at(1);
    };
    EXPECT_EQ(owner(user, R"({"app_id":"a","slug":"s"})"), "o@example.com");
    EXPECT_EQ(owner(user, R"({"app_id":"a","slug":"s","owner_user_id":"o@example.com"})"),
              "o@example.com");
    EXPECT_EQ(owner(user, R"({"app_id":"a","slug":"s","owner_user_id":"u@example.com"})"), "403");
    EXPECT_EQ(owner(admin, R"({"app_id":"a","slug":"s"})"), "o@example.com");
    EXPECT_EQ(owner(admin, R"({"app_id":"a","slug":"s","owner_user_id":"u@example.com"})"), "409");
}

TEST(Provisioning, TakesTheSlugOfTheRequestThenOfTheAppThenTheUsualOne)
{
    const auto slug = [](const char *json, const std::string &app,
                         std::optional<std::string> usual) -> std::string {
        FakeDatabase database;
        database.answers = {{"provision", made}, {"reach", app}};
        const Problem problem = problem_in([&] {
            use_cases::provision(database, user, input(json, use_cases::provision_fields), usual);
        });
        const Parameters parameters = database.parameters_of("provision");
        return parameters.empty() ? problem.title : parameters.at(2).value_or("the app's");
    };
    const std::string with_slug = R"({"owner":"u@example.com","slug":"registered"})";
    EXPECT_EQ(slug(R"({"app_id":"a","slug":"s"})", with_slug, "usual"), "s");
    EXPECT_EQ(slug(R"({"app_id":"a"})", with_slug, "usual"), "the app's");
    EXPECT_EQ(slug(R"({"app_id":"a"})", nobodys, "usual"), "usual");
    EXPECT_EQ(slug(R"({"app_id":"a"})", nobodys, std::nullopt), "invalid_field");
}

TEST(Provisioning, HasKeysOfItsOwnForEachUser)
{
    const Input keyed =
        input(R"({"app_id":"a","slug":"s","idempotency_key":"k"})", use_cases::provision_fields);
    std::map<std::string, std::string> keys;
    for (const char *name : {"a@example.com", "b@example.com"}) {
        FakeDatabase database;
        database.answers = {
            {"provision", R"({"db_id":"db-0123456789ab"})"}, {"is_new", "f"}, {"reach", nobodys}};
        const auto answer = use_cases::provision(database, {name, false}, keyed);
        EXPECT_FALSE(answer.created);
        EXPECT_FALSE(answer.secret);
        keys[name] = *database.parameters_of("provision").at(6);
        EXPECT_EQ(database.asked.back().first, "commit");
    }
    EXPECT_NE(keys["a@example.com"], keys["b@example.com"]);
}

TEST(Times, AreWhatPostgresqlReads)
{
    FakeDatabase database;
    database.answers = {{"own", "a"}, {"rotate", made}};
    const auto grace = [&](const std::string &text) {
        database.asked.clear();
        const Json object(json_pack("{s:s}", "grace", text.c_str()));
        use_cases::rotate(database, user, id, Input(object.get(), use_cases::rotate_fields));
        return database.parameters_of("rotate").at(2).value_or("");
    };
    EXPECT_EQ(grace("30m"), "30 minutes");
    EXPECT_EQ(grace("7d"), "7 days");
    for (const char *wrong : {"", "m", "1", "1 h", "-1h", "1h; DROP", "1234567890h", "1M"})
        EXPECT_EQ(problem_in([&] { grace(wrong); }).title, "invalid_field") << wrong;
}
