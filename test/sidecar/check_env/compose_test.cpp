// check-env --compose: what a compose file gives its services, and what is found there.
#include <gtest/gtest.h>

#include "base/failure.hpp"
#include "base/workspace.hpp"
#include "check_env/compose.hpp"
#include "check_env/interpolation.hpp"
#include "check_env/run.hpp"

using namespace check_env_test;

namespace
{

std::optional<std::string>
no_file(const std::string &)
{
    return std::nullopt;
}

std::optional<std::string>
lookup(std::string_view name)
{
    if (name == "SET")
        return "value";
    if (name == "EMPTY")
        return "";
    return std::nullopt;
}

// "NAME=value" of each variable of the first service, with ? behind those not known.
std::string
first_service(const std::string &text, const ReadBeside &read_beside = no_file)
{
    std::string line;
    const std::vector<ComposeService> services = read_compose(text, lookup, read_beside);
    for (const Variable &variable : services.at(0).variables)
        line += (line.empty() ? "" : " ") + variable.name + "=" +
                std::string(variable.value.reveal()) +
                (services[0].unknown.contains(variable.name) ? "?" : "");
    return line;
}

std::string
filled(std::string_view text)
{
    const Interpolated value = interpolate(text, lookup);
    return value.text + (value.is_known ? "" : "?");
}

// Three containers of an app, each with its environment, beside a database that is the platform's.
constexpr const char *three = R"(
x-common: &common
  NODE_ENV: production
services:
  app:
    environment:
      <<: *common
      DATABASE_URL: postgres://writer@localhost/d
  scheduler-worker:
    environment:
      - DATABASE_URL=postgres://svc@localhost/d
  migrate:
    environment: {DATABASE_URL: "postgres://owner@localhost/d"}
  postgres:
    image: postgres:15
    environment: {POSTGRES_PASSWORD: geheim123}
)";

// Runs check-env on a compose file on standard input.
Ran
check_compose(const std::string &text, std::vector<std::string> arguments = {})
{
    Scene scene;
    scene.input = text;
    arguments.insert(arguments.begin(), {"--compose", "-"});
    return scene.run(arguments);
}

} // namespace

TEST(Interpolation, IsThatOfCompose)
{
    EXPECT_EQ(filled("plain"), "plain");
    EXPECT_EQ(filled("a$SET.b"), "avalue.b");
    EXPECT_EQ(filled("${SET}"), "value");
    EXPECT_EQ(filled("$$SET $${SET}"), "$SET ${SET}");
    EXPECT_EQ(filled("${MISSING}"), "?");
    EXPECT_EQ(filled("${MISSING-d}"), "d");
    EXPECT_EQ(filled("${EMPTY-d}"), "");
    EXPECT_EQ(filled("${EMPTY:-d}"), "d");
    EXPECT_EQ(filled("${EMPTY:-}"), "");
    EXPECT_EQ(filled("${SET:-${MISSING}}"), "value");
    EXPECT_EQ(filled("${MISSING:-x${SET}y}z"), "xvalueyz");
    EXPECT_EQ(filled("${SET+w}${MISSING+w}${EMPTY+v}${EMPTY:+w}"), "wv");
    EXPECT_EQ(filled("${SET:?e}"), "value");
    EXPECT_EQ(filled("${EMPTY:?e}"), "?");
    EXPECT_EQ(filled("${EMPTY?e}"), "");
    EXPECT_EQ(filled("${MISSING:-a}b}"), "ab}");
}

TEST(Interpolation, RefusesWhatIsNoReference)
{
    for (const char *text : {"$", "a$ b", "$1", "${", "${SET", "${}", "${1}", "${SET:}", "${SET!x}",
                             "${SET:=x}", "${A:-${B"})
        EXPECT_THROW(filled(text), Failure) << text;
    std::string deep = "x";
    for (int i = 0; i < 12; i++)
        deep = "${MISSING:-" + deep + "}";
    EXPECT_THROW(filled(deep), Failure);
}

TEST(Compose, ReadsMapsListsMergesAndAliases)
{
    EXPECT_EQ(first_service("services: {a: {environment: {A: 1, B: 'x y', C: true}}}"),
              "A=1 B=x y C=true");
    EXPECT_EQ(first_service("services: {a: {environment: [A=1, 'B=x=y', SET, NOT_HERE]}}"),
              "A=1 B=x=y SET=value NOT_HERE=?");
    EXPECT_EQ(first_service("services: {a: {environment: {SET: , NOT_HERE: ~}}}"),
              "SET=value NOT_HERE=?");
    EXPECT_EQ(first_service("x: &one {A: 1, B: 1}\ny: &two {B: 2, C: 2}\n"
                            "services: {a: {environment: {<<: [*one, *two], A: 3}}}"),
              "B=1 C=2 A=3");
    EXPECT_EQ(first_service("x: &env {A: 1}\nservices: {a: {environment: *env}}"), "A=1");
    EXPECT_EQ(first_service("services: {a: {image: x}}"), "");
    EXPECT_EQ(first_service("services: {a: {environment: }}"), "");
}

TEST(Compose, ReadsTheFilesOfAServiceBeforeItsEnvironment)
{
    const auto files = [](const std::string &path) -> std::optional<std::string> {
        if (path == "one.env")
            return "A=1\nB='1 $SET'\n";
        if (path == ".env")
            return "SET=beaten\nBESIDE=there\n";
        return std::nullopt;
    };
    EXPECT_EQ(first_service("services: {a: {env_file: one.env, environment: {A: 2}}}", files),
              "A=2 B=1 $SET");
    EXPECT_EQ(first_service("services: {a: {env_file: [{path: one.env}, {path: none.env, required: "
                            "false}]}}",
                            files),
              "A=1 B=1 $SET");
    EXPECT_EQ(first_service("services: {a: {environment: [C=$BESIDE, D=$SET]}}", files),
              "C=there D=value");
    EXPECT_THROW(first_service("services: {a: {env_file: none.env}}", files), Failure);
    EXPECT_THROW(first_service("services: {a: {env_file: [{required: true}]}}", files), Failure);
}

TEST(Compose, RefusesWhatItWouldReadWrongly)
{
    for (const char *text :
         {"", "[]", "a: 1", "services: []", "services: {a: 1}", "services: {a: [}",
          "services: {a: {environment: {A: [1]}}}", "services: {a: {environment: [{A: 1}]}}",
          "services: {a: {environment: text}}", "services: {a: {environment: {A: 1, A: 2}}}",
          "services: {a: {}}\n---\nservices: {b: {}}", "services: {a: {extends: b}}",
          "include: [x.yml]\nservices: {a: {}}", "services: {a: {environment: {A: '${'}}}",
          "services: {a: {environment: &e {<<: *e}}}", "services: {a: {environment: *none}}"})
        EXPECT_THROW(first_service(text), Failure) << text;
}

TEST(CheckEnvCompose, JudgesEachServiceByItsName)
{
    const Ran good = check_compose(three);
    EXPECT_EQ(good.code, 0) << good.out << good.err;
    EXPECT_EQ(good.out, "app: DATABASE_URL user=writer host=localhost port=5432 database=d\n"
                        "scheduler-worker: DATABASE_URL user=svc host=localhost port=5432 "
                        "database=d\n"
                        "migrate: DATABASE_URL user=owner host=localhost port=5432 database=d\n");
    std::string bad = three;
    bad.replace(bad.find("  migrate:"), 10,
                "  sidekiq:\n    environment: [APP_DB_HOST=x]\n  migrate:");
    bad.replace(bad.find("owner@"), 6, "owner@db.example,");
    const Ran found = check_compose(bad);
    EXPECT_EQ(found.code, 1);
    EXPECT_NE(found.out.find("violation: sidekiq: APP_DB_HOST: forbidden_variable: "),
              std::string::npos);
    EXPECT_NE(found.out.find("violation: migrate: DATABASE_URL: weak_tls: "), std::string::npos);
    EXPECT_EQ(found.out.find("geheim123"), std::string::npos);
}

TEST(CheckEnvCompose, TakesAServiceForWhatContainerSays)
{
    const char *file =
        "services: {web: {environment: {A: b}}, mover: {environment: {POSTGRES_ROOT_PASSWORD: x}}}";
    EXPECT_EQ(check_compose(file).code, 1);
    EXPECT_EQ(check_compose(file, {"--container", "mover=platform"}).code, 0);
    const Ran web = check_compose(file, {"--container", "mover=platform", "--container=web=app"});
    EXPECT_EQ(web.code, 1);
    EXPECT_NE(web.out.find("violation: web: DATABASE_URL: required: "), std::string::npos);
    EXPECT_EQ(check_compose(file, {"--container", "none=app"}).code, 2);
    EXPECT_EQ(check_compose(file, {"--container", "web=geheim"}).code, 2);
    EXPECT_EQ(check_compose(file, {"--container", "app"}).code, 2);
    EXPECT_EQ(check_compose(file, {"--container", "web=app,web=migrate"}).code, 2);
    EXPECT_EQ(check_compose(file, {"--lane=runtime"}).code, 2);
    EXPECT_EQ(check_compose(file, {"--require=A"}).code, 2);
    EXPECT_EQ(check_compose(file, {"more.env"}).code, 2);
}

TEST(CheckEnvCompose, WarnsOfWhatIsSetElsewhere)
{
    const char *file =
        "services: {app: {environment: [DATABASE_URL, 'DATABASE_ROOT_URL=${ROOT}']}}";
    const Ran unset = check_compose(file);
    EXPECT_EQ(unset.code, 1);
    EXPECT_NE(unset.out.find("warning: app: DATABASE_URL: unknown_value: "), std::string::npos);
    EXPECT_NE(unset.out.find("violation: app: DATABASE_ROOT_URL: forbidden_variable: "),
              std::string::npos);
    EXPECT_EQ(unset.out.find("required"), std::string::npos);
    Scene scene;
    scene.input = "services: {app: {environment: [DATABASE_URL]}}";
    scene.environment = {{"DATABASE_URL", "postgres://root@localhost/d"}};
    EXPECT_NE(scene.run({"--compose=-"}).out.find("superuser_name"), std::string::npos);
}

TEST(CheckEnvCompose, AsJsonListsTheServices)
{
    const Ran ran =
        check_compose("services: {app: {environment: [DATABASE_URL=postgres://a@/d]}}", {"--json"});
    EXPECT_EQ(ran.out,
              R"({"ok":true,"services":[{"ok":true,"service":"app","lane":"runtime",)"
              R"("container":"app","asked_server":false,"variables":[{"variable":)"
              R"("DATABASE_URL","user":"a","servers":[{"host":"","port":"5432"}],)"
              R"("database":"d"}],"gateway":null,"violations":[],"warnings":[],"error":null}],)"
              R"("error":null})"
              "\n");
    const Ran broken = check_compose("services: {app: {environment: {A: '${'}}}", {"--json"});
    EXPECT_EQ(broken.code, 2);
    EXPECT_NE(broken.out.find(R"({"ok":false,"services":[],"error":"standard input: service)"),
              std::string::npos);
}

TEST(CheckEnvCompose, FindsFilesBesideIt)
{
    const Workspace work;
    work.write("deploy/compose.yml", "services: {app: {env_file: [app.env]}}");
    work.write("deploy/app.env", "DATABASE_URL=postgres://a@localhost/d\nAPP_DB_X=1\n");
    Scene scene;
    EXPECT_EQ(scene.run({"--compose", work.path("deploy/compose.yml")}).code, 1);
    work.write("deploy/app.env", "DATABASE_URL=postgres://a@localhost/d\n");
    EXPECT_EQ(scene.run({"--compose", work.path("deploy/compose.yml")}).code, 0);
    EXPECT_EQ(scene.run({"--compose", work.path("deploy/none.yml")}).code, 2);
    EXPECT_EQ(scene.run({"--compose", ""}).code, 2);
}
