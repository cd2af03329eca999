// check-env for one container of an app: --container and --require.
#include <gtest/gtest.h>

#include "check_env/run.hpp"

using namespace check_env_test;

namespace
{

#define APP "DATABASE_URL=postgres://app@localhost/d\n"
#define SERVICE "DATABASE_SERVICE_URL=postgres://svc@localhost/d\n"
#define ROOT "DATABASE_ROOT_URL=user=postgres\n"

// The rules that an environment violates in a container.
std::string
rules_in(const std::string &container, const std::string &file)
{
    return check_file(file, {"--json", "--container", container}).rules();
}

// What a server says of the DATABASE_URL of a container: violations, then warnings.
std::string
rules_on_server(const std::string &container, bool bypasses)
{
    FakeRoles roles;
    RoleFact fact;
    fact.name = "app";
    fact.is_self = fact.can_login = true;
    fact.bypassrls = bypasses;
    roles.logins["app"] = {fact};
    Scene scene;
    scene.roles = &roles;
    scene.input = APP;
    const Ran ran = scene.run({"--json", "--container", container, "--database=host=/tmp", "-"});
    return ran.rules() + "|" + ran.rules("warnings");
}

} // namespace

TEST(CheckEnvContainer, HasTheVariablesOfItsRow)
{
    EXPECT_EQ(rules_in("app", APP), "");
    EXPECT_EQ(rules_in("app", APP SERVICE), "");
    EXPECT_EQ(rules_in("app", SERVICE), "required");
    EXPECT_EQ(rules_in("scheduler-worker", SERVICE), "");
    EXPECT_EQ(rules_in("scheduler-worker", APP), "");
    EXPECT_EQ(rules_in("scheduler-worker", APP SERVICE), "forbidden_variable");
    EXPECT_EQ(rules_in("scheduler-worker", ""), "required");
    EXPECT_EQ(rules_in("migrate", APP), "");
    EXPECT_EQ(rules_in("migrate", APP SERVICE), "forbidden_variable");
    EXPECT_EQ(rules_in("migrate", SERVICE), "forbidden_variable required");
}

TEST(CheckEnvContainer, OfProvisioningIsItsLane)
{
    EXPECT_EQ(rules_in("db-provision", APP SERVICE), "required");
    EXPECT_EQ(rules_in("db-provision", APP SERVICE ROOT), "");
    EXPECT_EQ(rules_in("app", APP SERVICE ROOT), "forbidden_variable");
}

TEST(CheckEnvContainer, DecidesWhetherTheUserBypassesRowLevelSecurity)
{
    EXPECT_EQ(rules_on_server("app", true), "bypasses_rls|");
    EXPECT_EQ(rules_on_server("app", false), "|");
    EXPECT_EQ(rules_on_server("migrate", true), "bypasses_rls|");
    EXPECT_EQ(rules_on_server("scheduler-worker", true), "|");
    EXPECT_EQ(rules_on_server("scheduler-worker", false), "bypasses_rls|");
}

TEST(CheckEnvContainer, IsNamedInTheReport)
{
    const Ran ran = check_file(APP, {"--json", "--container=migrate"});
    EXPECT_NE(ran.out.find(R"("lane":"runtime","container":"migrate")"), std::string::npos);
}

TEST(CheckEnvRequire, AsksForEachName)
{
    const char *file = APP "SESSION_KEY=x\nEMPTY=\n";
    EXPECT_EQ(check_file(file, {"--json", "--require", "SESSION_KEY"}).rules(), "");
    EXPECT_EQ(check_file(file, {"--json", "--require", "EMPTY"}).rules(), "required");
    EXPECT_EQ(check_file(file, {"--json", "--require=SESSION_KEY,MISSING"}).rules(), "required");
    EXPECT_EQ(check_file(file, {"--json", "--require", "A", "B", "SESSION_KEY"}).rules(),
              "required required");
    EXPECT_EQ(check_file(file, {"--json", "--require", "A", "--require", "B"}).rules(),
              "required required");
}

TEST(CheckEnvContainer, RefusesWhatContradictsItself)
{
    for (const std::vector<std::string> &arguments :
         std::vector<std::vector<std::string>>{{"--container=geheim123"},
                                               {"--container=platform"},
                                               {"--container=app", "--container=migrate"},
                                               {"--container=web=app"},
                                               {"--container=app", "--lane=provisioning"},
                                               {"--container=db-provision", "--lane=runtime"},
                                               {"--require=geheim123"},
                                               {"--require="},
                                               {"--require"}}) {
        const Ran ran = check_file(APP, arguments);
        EXPECT_EQ(ran.code, 2) << arguments[0];
        EXPECT_EQ((ran.out + ran.err).find("geheim123"), std::string::npos) << ran.err;
    }
}
