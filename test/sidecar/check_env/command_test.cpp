// check-env as a command: what it reads and prints, how it ends, and that no password is printed.
#include <gtest/gtest.h>

#include "base/workspace.hpp"
#include "check_env/run.hpp"

using namespace check_env_test;

namespace
{

constexpr const char *good = "DATABASE_URL=postgres://app:pw@localhost:5000/shop\n";

RoleFact
login(const std::string &name)
{
    RoleFact fact;
    fact.name = name;
    fact.is_self = fact.can_login = true;
    return fact;
}

RoleFact
group(const std::string &name)
{
    RoleFact fact;
    fact.name = name;
    return fact;
}

Ran
check_roles_of(const std::string &variable, std::vector<RoleFact> facts)
{
    FakeRoles roles;
    roles.logins["app"] = std::move(facts);
    Scene scene;
    scene.roles = &roles;
    const bool is_app = variable == "DATABASE_URL";
    scene.input = variable + "=postgres://app@localhost/d\nDATABASE_ROOT_URL=user=postgres\n" +
                  (is_app ? "DATABASE_SERVICE_URL=" : "DATABASE_URL=") + "user=other\n";
    roles.logins["postgres"] = {login("postgres")};
    roles.logins["postgres"][0].superuser = true;
    roles.logins["other"] = {login("other")};
    roles.logins["other"][0].bypassrls = is_app; // in order under either name
    return scene.run({"--json", "--lane=provisioning", "--database=host=/tmp", "-"});
}

} // namespace

TEST(CheckEnvOutput, IsOneLineForEachVariable)
{
    const Ran two = check_file("DATABASE_URL=postgres://app:pw@localhost:5000,[::1]:5001/shop\n"
                               "DATABASE_SERVICE_URL=\"user=b password=pw host=localhost,127.0.0.1 "
                               "port=5000,5001 dbname=shop\"\n",
                               {});
    EXPECT_EQ(two.out, "DATABASE_URL user=app host=localhost,::1 port=5000,5001 database=shop\n"
                       "DATABASE_SERVICE_URL user=b host=localhost,127.0.0.1 port=5000,5001 "
                       "database=shop\n");
    const Ran one = check_file(good, {});
    EXPECT_EQ(one.out, "DATABASE_URL user=app host=localhost port=5000 database=shop\n");
    const Ran odd =
        check_file("DATABASE_URL=\"user='a b\n' host=localhost port=1 dbname='x\ty'\"", {});
    EXPECT_EQ(odd.out, "DATABASE_URL user=\"a b\" host=localhost port=1 database=xy\n");
}

TEST(CheckEnvOutput, AsJsonHasEveryField)
{
    const Ran ran =
        check_file("DATABASE_URL=postgres://app:pw@db.example:5000/shop?sslmode=require&"
                   "hostaddr=192.0.2.1\nX_PRODUCER_TOKEN=t\n");
    EXPECT_EQ(
        ran.out,
        R"({"ok":false,"lane":"runtime","container":null,"asked_server":false,"variables":[{"variable":"DATABASE_URL",)"
        R"("user":"app","servers":[{"host":"db.example","address":"192.0.2.1","port":"5000"}],)"
        R"("database":"shop"}],"gateway":null,"violations":[{"variable":"X_PRODUCER_TOKEN","rule":"forbidden_variable",)"
        R"("problem":"it must not reach the runtime lane","remedy":"remove it from this environment; )"
        R"(apps get DATABASE_URL and DATABASE_SERVICE_URL"}],"warnings":[],"error":null})"
        "\n");
}

TEST(CheckEnvOutput, NeverShowsAPasswordWhereverItWentAstray)
{
    for (const char *dsn :
         {"postgres://app:geheim123@localhost/d", "postgres://app:x@geheim123@localhost/d",
          "postgres://app:7/geheim123@localhost/d", "postgres://app:geheim123/7@localhost/d",
          "postgres://app%3Ageheim123@localhost/d", "postgres://app:%geheim123@localhost/d",
          "host=localhost user=app password=geheim123", "user=app password=7 geheim123",
          "user=app dbname=postgres://x:geheim123@h/d", "mysql://app:geheim123@localhost/d",
          "postgres://app@localhost/d?password=a&password=geheim123", "geheim123",
          "postgres://app@localhost/d?geheim123", "postgres://app:@localhost:geheim123/d"})
        for (const char *format : {"--json", "--lane=runtime"}) {
            Scene scene;
            scene.environment = {{"DATABASE_URL", dsn}};
            const Ran ran = scene.run({format});
            EXPECT_EQ((ran.out + ran.err).find("geheim123"), std::string::npos) << dsn << ran.out;
        }
}

TEST(CheckEnvInput, IsTheProcessEnvironmentOrTheFilesGiven)
{
    const Workspace work;
    work.write("a.env", good);
    work.write("b.env", "# nothing\n");
    Scene scene;
    scene.environment = {{"DATABASE_URL", "postgres://app@localhost/d"}, {"APP_DB_X", "1"}};
    EXPECT_EQ(scene.run({"--json"}).rules(), "forbidden_variable");
    EXPECT_EQ(scene.run({work.path("a.env"), work.path("b.env")}).code, 0);
    EXPECT_EQ(scene.run({"--json", work.path("b.env")}).rules(), "required");
    work.write("b.env", "DATABASE_URL=postgres://app@localhost/other\n");
    EXPECT_EQ(scene.run({"--json", work.path("a.env"), work.path("b.env")}).rules(),
              "multiple_values");
    scene.input = "DATABASE_SERVICE_URL=postgres://app2@localhost:5000/shop\n";
    EXPECT_EQ(scene.run({work.path("a.env"), "-"}).code, 0);
}

TEST(CheckEnvFailure, IsCodeTwoAndQuotesNoDsn)
{
    const Workspace work;
    work.write("open.env", "A=1\nB=\"geheim123\n");
    work.write("nul.env", std::string("A=\0", 3));
    work.write("large.env", std::string(1024 * 1024 + 1, 'x'));
    Scene scene;
    for (const std::vector<std::string> &arguments :
         std::vector<std::vector<std::string>>{{work.path("missing")},
                                               {work.path(".")},
                                               {work.path("open.env")},
                                               {work.path("nul.env")},
                                               {work.path("large.env")},
                                               {"-", "-"},
                                               {"postgres://u:geheim123@h/d"},
                                               {"--lane=geheim123"},
                                               {"--geheim123"},
                                               {"--lane"},
                                               {"--database=postgres://u:geheim123@h/d"},
                                               {"--database", "password=geheim123"},
                                               {"--json=geheim123"}}) {
        const Ran ran = scene.run(arguments);
        EXPECT_EQ(ran.code, 2) << arguments[0];
        EXPECT_NE(ran.err, "") << arguments[0];
        EXPECT_EQ((ran.out + ran.err).find("geheim123"), std::string::npos) << ran.err;
    }
    EXPECT_NE(scene.run({work.path("open.env")}).err.find("line 2"), std::string::npos);
    EXPECT_EQ(scene.run({"--help"}).code, 0);
}

TEST(CheckEnvServer, IsNamedByFlagVariableOrFile)
{
    const Workspace work;
    work.write("url", "host=from-file password=x\n");
    FakeRoles roles;
    roles.logins["app"] = {login("app")};
    Scene scene;
    scene.roles = &roles;
    scene.environment = {{"DATABASE_URL", "postgres://app@localhost/d"}};
    EXPECT_EQ(scene.run({}).code, 0);
    EXPECT_EQ(scene.connected_with, "");
    scene.database_url = "host=from-variable password=x";
    const auto again = [&](const std::vector<std::string> &arguments) {
        scene.environment = {{"DATABASE_URL", "postgres://app@localhost/d"}};
        return scene.run(arguments).code;
    };
    EXPECT_EQ(again({}), 0);
    EXPECT_EQ(scene.connected_with, "host=from-variable password=x");
    EXPECT_EQ(again({"--database=host=from-flag"}), 0);
    EXPECT_EQ(scene.connected_with, "host=from-flag");
    scene.database_url_file = work.path("url");
    EXPECT_EQ(again({}), 2);
    scene.database_url.clear();
    EXPECT_EQ(again({}), 0);
    EXPECT_EQ(scene.connected_with, "host=from-file password=x");
    EXPECT_EQ(again({"--database", ""}), 0);
    EXPECT_EQ(scene.connected_with, "");
}

TEST(CheckEnvServer, IsNotAskedWithAPasswordFromTheCommandLine)
{
    FakeRoles roles;
    roles.logins["app"] = {login("app")};
    for (const char *dsn : {"postgres://u:pw@h/d", "host=h password=pw", "host=h passwort=pw"}) {
        Scene scene;
        scene.roles = &roles;
        scene.environment = {{"DATABASE_URL", "postgres://app@localhost/d"}};
        EXPECT_EQ(scene.run({"--database", dsn}).code, 2) << dsn;
        EXPECT_EQ(scene.connected_with, "") << dsn;
    }
}

TEST(CheckEnvServer, ThatDoesNotAnswerIsCodeTwoAndHidesNoViolation)
{
    FakeRoles roles;
    Scene scene;
    scene.roles = &roles;
    scene.input = "DATABASE_URL=postgres://broken@localhost/d\nAPP_DB_X=1\n";
    for (const bool unreachable : {true, false}) {
        scene.unreachable = unreachable;
        const Ran ran = scene.run({"--json", "--database=host=x", "-"});
        EXPECT_EQ(ran.code, 2);
        EXPECT_EQ(ran.rules(), "forbidden_variable");
        EXPECT_NE(ran.err, "");
        EXPECT_EQ(string_member(parse_json(ran.out), "error"),
                  unreachable ? "no server there" : "the server went away");
    }
}

TEST(CheckEnvRoles, WithPowersAreRefusedToApps)
{
    for (bool RoleFact::*power :
         {&RoleFact::createrole, &RoleFact::createdb, &RoleFact::replication}) {
        RoleFact self = login("app");
        self.*power = true;
        EXPECT_EQ(check_roles_of("DATABASE_URL", {self}).rules(), "superuser_role");
        RoleFact other = group("team");
        other.*power = true;
        EXPECT_EQ(check_roles_of("DATABASE_URL", {login("app"), other}).rules(), "superuser_role");
    }
    for (const char *name :
         {"pg_read_server_files", "pg_write_server_files", "pg_execute_server_program"})
        EXPECT_EQ(check_roles_of("DATABASE_URL", {login("app"), group(name)}).rules(),
                  "superuser_role");
    EXPECT_EQ(check_roles_of("DATABASE_URL", {login("app"), group("pg_monitor")}).rules(), "");
    RoleFact super = login("app");
    super.superuser = true;
    EXPECT_EQ(check_roles_of("DATABASE_URL", {super}).rules(), "bypasses_rls superuser_role");
    EXPECT_EQ(check_roles_of("DATABASE_SERVICE_URL", {super}).rules(), "superuser_role");
}

TEST(CheckEnvRoles, MayBypassRowLevelSecurityOnlyAsServiceUser)
{
    RoleFact self = login("app");
    self.bypassrls = true;
    EXPECT_EQ(check_roles_of("DATABASE_URL", {self}).rules(), "bypasses_rls");
    EXPECT_EQ(check_roles_of("DATABASE_SERVICE_URL", {self}).rules("warnings"), "");
    RoleFact bypass = group("team");
    bypass.bypassrls = true;
    EXPECT_EQ(check_roles_of("DATABASE_URL", {login("app"), bypass}).rules(), "bypasses_rls");
    const Ran able = check_roles_of("DATABASE_SERVICE_URL", {login("app"), bypass});
    EXPECT_EQ(able.rules() + able.rules("warnings"), "bypasses_rls");
    EXPECT_EQ(able.code, 0);
    EXPECT_NE(able.out.find("SET ROLE team"), std::string::npos);
    bypass.is_current = true;
    const Ran current = check_roles_of("DATABASE_SERVICE_URL", {login("app"), bypass});
    EXPECT_EQ(current.rules("warnings"), "");
    RoleFact plain = group("plain");
    plain.is_current = true;
    EXPECT_EQ(check_roles_of("DATABASE_SERVICE_URL", {self, plain}).rules("warnings"),
              "bypasses_rls");
}

TEST(CheckEnvRoles, HaveToExistAndToLogIn)
{
    EXPECT_EQ(check_roles_of("DATABASE_URL", {}).rules(), "unknown_user");
    RoleFact retired = login("app");
    retired.can_login = false;
    const Ran ran = check_roles_of("DATABASE_URL", {retired});
    EXPECT_EQ(ran.rules(), "unknown_user");
    EXPECT_NE(ran.out.find("NOLOGIN"), std::string::npos);
}
