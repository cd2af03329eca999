// Options: precedence, secrets by file and environment only, and clear refusals.
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/exit_code.hpp"
#include "base/failure.hpp"
#include "base/workspace.hpp"
#include "daemon/commands.hpp"
#include "daemon/option_rows.hpp"
#include "base/option_values.hpp"
#include "daemon/options.hpp"
#include "postgres/conninfo.hpp"

using namespace sidecar;
using namespace std::chrono_literals;

namespace
{

// Sets a variable for as long as it lives.
class Setting
{
public:
    Setting(const char *name, const std::string &value) : name_(name)
    {
        setenv(name, value.c_str(), 1);
    }
    ~Setting()
    {
        unsetenv(name_);
    }
    Setting(const Setting &) = delete;

private:
    const char *name_;
};

const std::vector<std::string> file_sink = {"serve", "--sink=file:/env"};

Options
read(std::vector<std::string> arguments, const InheritedSecrets &inherited = {})
{
    return std::get<Options>(read_options(arguments, inherited));
}

std::string
refusal_of(const std::vector<std::string> &arguments, const InheritedSecrets &inherited = {})
{
    try {
        read_options(arguments, inherited);
    } catch (const Failure &failure) {
        EXPECT_EQ(failure.kind(), Failure::Kind::configuration);
        return failure.what();
    }
    return "";
}

InheritedSecrets
with_token(const std::string &token)
{
    InheritedSecrets inherited;
    inherited.token = Secret(token);
    return inherited;
}

} // namespace

TEST(OptionPrecedence, IsFlagThenEnvironmentThenFileThenDefault)
{
    const Workspace work;
    work.write("conf", "poll = \"3s\"\nlease = \"50s\"\nconcurrency = \"3\"\n");
    std::vector<std::string> arguments = file_sink;
    arguments.push_back("--config=" + work.path("conf"));
    const Setting lease("APPINFRA_LEASE", "40s");
    const Setting concurrency("APPINFRA_CONCURRENCY", "5");
    arguments.push_back("--concurrency=7");
    const Options options = read(arguments);
    EXPECT_EQ(options.concurrency, 7u);
    EXPECT_EQ(options.lease, 40s);
    EXPECT_EQ(options.poll, 3s);
    EXPECT_EQ(options.call_timeout, 15s);
}

TEST(OptionPrecedence, TheConfigurationFileMayComeFromTheEnvironment)
{
    const Workspace work;
    work.write("conf", "sink = \"file:/somewhere\"\n");
    const Setting config("APPINFRA_CONFIG", work.path("conf"));
    EXPECT_EQ(read({"serve"}).sink_directory, "/somewhere");
}

TEST(OptionCommands, AreServeAndPublishOnce)
{
    EXPECT_EQ(read(file_sink).command, Command::serve);
    EXPECT_EQ(read({"publish", "--once", "--sink=file:/e", "--timeout", "5s"}).command,
              Command::publish);
    EXPECT_NE(refusal_of({"--sink=file:/e"}), "");
    EXPECT_NE(refusal_of({"publish", "--sink=file:/e"}), "");
    EXPECT_NE(refusal_of({"serve", "--sink=file:/e", "--nonsense"}), "");
}

TEST(OptionSink, IsHttpWithAUrlAndElseHasToBeNamed)
{
    const auto options = read({"serve", "--producer-url=https://s.example"}, with_token("t"));
    EXPECT_EQ(options.producer_url, "https://s.example");
    EXPECT_TRUE(options.sink_directory.empty());
    EXPECT_NE(refusal_of({"serve"}).find("no sink"), std::string::npos);
    EXPECT_NE(refusal_of({"serve", "--sink=ftp"}), "");
    EXPECT_NE(refusal_of({"serve", "--sink=file:"}), "");
    EXPECT_NE(refusal_of({"serve", "--producer-url=https://s.example"}).find("no token"),
              std::string::npos);
}

TEST(OptionSecrets, ComeFromTheEnvironmentOrAFileButNotBoth)
{
    const Workspace work;
    work.write("token", "tok-from-file\n");
    const std::vector<std::string> plain = {"serve", "--producer-url=https://s.example"};
    EXPECT_EQ(read(plain, with_token("tok")).token.reveal(), "tok");
    const Setting file("OPENFACTORY_DB_PRODUCER_TOKEN_FILE", work.path("token"));
    EXPECT_EQ(read(plain).token.reveal(), "tok-from-file");
    const std::string both = refusal_of(plain, with_token("tok-from-env"));
    EXPECT_NE(both.find("both set"), std::string::npos);
    EXPECT_EQ(both.find("tok-from"), std::string::npos);
}

TEST(OptionSecrets, OfTheDatabaseComeFromTheEnvironmentOrAFileButNotBoth)
{
    const Workspace work;
    work.write("url", "postgres://u:pw@h/d\n");
    std::vector<std::string> arguments = file_sink;
    InheritedSecrets inherited;
    inherited.database_url = Secret("postgres://u:pw2@h/d");
    EXPECT_EQ(read(arguments, inherited).database.reveal(), "postgres://u:pw2@h/d");
    arguments.push_back("--database-file=" + work.path("url"));
    EXPECT_EQ(read(arguments).database.reveal(), "postgres://u:pw@h/d");
    EXPECT_NE(refusal_of(arguments, inherited).find("both set"), std::string::npos);
}

TEST(OptionSecrets, AreNeverTakenFromAFlag)
{
    for (const char *form : {"--database=postgres://u:hidden@h/d", "--database=password=hidden",
                             "--database=host=h password='hidden'"}) {
        const std::string why = refusal_of({"serve", "--sink=file:/e", form});
        EXPECT_NE(why, "") << form;
        EXPECT_EQ(why.find("hidden"), std::string::npos);
    }
    EXPECT_NE(refusal_of({"serve", "--sink=file:/e", "--database", "postgres://u:hidden@h/d"}), "");
    EXPECT_EQ(read({"serve", "--sink=file:/e", "--database=host=h user=u"}).database.reveal(),
              "host=h user=u");
    EXPECT_NE(refusal_of({"serve", "--sink=file:/e", "--token=hidden"}), "");
}

TEST(OptionSecrets, AreRefusedWhenTheyCannotStandInAHeader)
{
    const Workspace work;
    work.write("token", "tok\r\nX-Evil: 1\n");
    const std::string why = refusal_of(
        {"serve", "--producer-url=https://s.example", "--token-file=" + work.path("token")});
    EXPECT_NE(why, "");
    EXPECT_EQ(why.find("Evil"), std::string::npos);
    EXPECT_NE(refusal_of({"serve", "--producer-url=https://s.example", "--token-file=/no/file"}),
              "");
}

TEST(OptionValues, HaveUnitsAndLimits)
{
    EXPECT_EQ(duration_of("x", "1500ms"), 1500ms);
    EXPECT_EQ(duration_of("x", "15"), 15s);
    EXPECT_EQ(duration_of("x", "0.5s"), 500ms);
    EXPECT_EQ(duration_of("x", "2m"), 2min);
    EXPECT_EQ(duration_of("x", "1h"), 1h);
    for (const char *bad : {"", "0", "-1s", "5 s", "1d", "25h", "nan", "x", "1e99"})
        EXPECT_THROW(duration_of("x", bad), Failure) << bad;
    for (const char *bad :
         {"--concurrency=0", "--concurrency=65", "--concurrency=x", "--batch=-1", "--lease=20s",
          "--log-format=xml", "--log-level=loud", "--allow-plaintext=yes"})
        EXPECT_NE(refusal_of({"serve", "--sink=file:/e", bad}), "") << bad;
}

TEST(ConnectionString, GetsOurDefaultsWhereItSaysNothing)
{
    const Conninfo conninfo("postgres://u@a:1,b:2/d?connect_timeout=9", "pw");
    EXPECT_EQ(conninfo.value_of("host"), "a,b");
    EXPECT_EQ(conninfo.value_of("target_session_attrs"), "read-write");
    EXPECT_EQ(conninfo.value_of("application_name"), "appinfrad");
    EXPECT_EQ(conninfo.value_of("connect_timeout"), "9");
    EXPECT_EQ(conninfo.value_of("password"), "pw");
    EXPECT_EQ(conninfo.keywords().size(), conninfo.values().size());
    EXPECT_EQ(Conninfo("target_session_attrs=any", "").value_of("target_session_attrs"), "any");
}

TEST(ConnectionString, ThatCannotBeReadIsNotShown)
{
    try {
        Conninfo("postgres://u:hidden@h:x y/d sslmode", "");
        Conninfo("hidden", "");
        ADD_FAILURE() << "accepted";
    } catch (const Failure &failure) {
        EXPECT_EQ(failure.kind(), Failure::Kind::configuration);
        EXPECT_EQ(std::string(failure.what()).find("hidden"), std::string::npos);
    }
}

TEST(OptionMistakes, NameWhatWasMeant)
{
    const auto ends = [](const std::string &text, const char *end) {
        return text.ends_with(end);
    };
    EXPECT_TRUE(
        ends(refusal_of({"serve", "--sink=file:/e", "--listn=x"}), "did you mean --listen?"));
    EXPECT_TRUE(ends(refusal_of({"serve", "--jwt-key", "x"}), "did you mean --jwt-keys?"));
    EXPECT_TRUE(ends(refusal_of({"serv"}), "did you mean serve?"));
    EXPECT_TRUE(ends(refusal_of({"verify", "--heads=x"}), "verify-audit, audit"));
    EXPECT_NE(refusal_of({"frobnicate"}).find("\"frobnicate\""), std::string::npos);
    EXPECT_EQ(refusal_of({"postgres://u:hidden@h/d"}).find("hidden"), std::string::npos);
    EXPECT_EQ(refusal_of({"serve", "--colour"}).find("did you mean"), std::string::npos);
}

TEST(OptionServer, NeedSomebodyWhoCouldBeLetIn)
{
    const Workspace work;
    work.write("key", std::string(32, 'k'));
    const std::string keys = "--jwt-keys=" + work.path("key");
    EXPECT_FALSE(read({"serve", "--listen=127.0.0.1:0", keys}).delivers);
    EXPECT_EQ(read({"serve", "--listen=127.0.0.1:0", keys}).server.tokens.keys.size(), 1u);
    {
        const Setting unused("OPENFACTORY_DB_PRODUCER_TOKEN_FILE",
                             "/no/file"); // as the unit has it
        EXPECT_FALSE(read({"serve", "--listen=127.0.0.1:0", keys}).delivers);
    }
    EXPECT_NE(refusal_of({"serve", "--listen=127.0.0.1:0"}).find("--jwt-keys"), std::string::npos);
    EXPECT_NE(refusal_of({"serve", "--listen=0.0.0.0:0", keys}).find("--tls-cert"),
              std::string::npos);
    {
        const Setting listen("APPINFRA_LISTEN", "127.0.0.1:0");
        EXPECT_NE(refusal_of({"publish", "--once"}).find("no sink"), std::string::npos);
    }
    EXPECT_NE(refusal_of({"mcp"}).find("APPINFRA_USER"), std::string::npos);
    EXPECT_FALSE(read({"mcp", "--user=u@example.com"}).delivers);
    EXPECT_TRUE(read({"mcp", "--user=u@example.com", "--sink=file:/e"}).delivers);
    EXPECT_FALSE(read({"mcp", "--user=u", "--producer-url=https://s.example"}).delivers);
}

namespace
{

std::string
help_of(const std::string &command)
{
    return std::get<std::string>(read_options({command, "--help"}, {}));
}

bool
has(const std::string &text, const std::string &part)
{
    return text.find(part) != std::string::npos;
}

} // namespace

TEST(OptionHelp, ShowsWhatTheCommandTakesAndNothingElse)
{
    for (const std::string command : {"serve", "publish", "mcp", "check-producer"}) {
        const std::string help = help_of(command);
        // CLI11 writes "Usage: " before the line until 2.4, and no longer in 2.6.
        EXPECT_TRUE(has(help, "appinfrad " + command + " [OPTIONS]\n")) << help;
        for (const auto &rows : {delivery_rows(), server_rows()})
            for (const OptionRow &row : rows) {
                const bool takes = has(" " + std::string(row.commands) + " ", " " + command + " ");
                EXPECT_EQ(has(help, "  --" + std::string(row.flag) + " "), takes)
                    << command << " " << row.flag;
                EXPECT_TRUE(!takes || has(help, std::string("\n") + row.group + ":")) << row.group;
            }
    }
    // CLI11 writes a default as "=5s" before 2.4, and as " [5s]" from then on.
    const std::string serve = help_of("serve");
    EXPECT_TRUE(has(serve, "--poll TEXT=5s ") || has(serve, "--poll TEXT [5s] ")) << serve;
    EXPECT_TRUE(has(serve, "(APPINFRA_LISTEN)"));
}

TEST(OptionHelp, OfTheProgramListsTheCommands)
{
    for (const char *command :
         {"serve", "publish", "mcp", "gateway", "gateway-mcp", "mint-key", "list-keys",
          "revoke-key", "check-env", "check-producer", "verify-audit", "audit"})
        EXPECT_TRUE(has(overview(), std::string("\n  ") + command + " ")) << command;
    EXPECT_FALSE(has(overview(), "--poll"));
}

TEST(OptionOfAnotherCommand, IsRefusedAsAFlagByItsName)
{
    const auto refused = [](const std::vector<std::string> &arguments, const char *flag) {
        const std::string why = refusal_of(arguments);
        EXPECT_TRUE(has(why, flag) && has(why, "not of " + arguments.front())) << why;
        EXPECT_FALSE(has(why, "value"));
    };
    refused({"publish", "--once", "--sink=file:/e", "--listen=value"}, "--listen");
    refused({"serve", "--sink=file:/e", "--once"}, "--once");
    refused({"serve", "--sink=file:/e", "--timeout", "value"}, "--timeout");
    refused({"mcp", "--user=u", "--audit-url=value"}, "--audit-url");
}

TEST(OptionOfAnotherCommand, MayStandInTheFileThatCommandsShare)
{
    const Workspace work;
    work.write("conf", "listen = \"127.0.0.1:0\"\nsink = \"file:/e\"\ntimeout = \"5s\"\n");
    const std::string config = "--config=" + work.path("conf");
    const Options publish = read({"publish", "--once", config});
    EXPECT_EQ(publish.publish_timeout, 5s);
    EXPECT_TRUE(publish.server.listen.empty());
    const Setting user("APPINFRA_USER", "u@example.com");
    EXPECT_EQ(read({"mcp", config}).sink_directory, "/e");
    work.write("conf", "once = \"1\"\n");
    EXPECT_TRUE(has(refusal_of({"publish", config}), "\"once\""));
    work.write("conf", "[serve]\npoll = \"1s\"\n");
    EXPECT_TRUE(has(refusal_of({"serve", config}), "\"serve."));
}

TEST(OptionsGivenTwice, TheLastOneCounts)
{
    EXPECT_EQ(read({"serve", "--sink=file:/e", "--poll=1s", "--poll", "2s"}).poll, 2s);
}

TEST(OptionStore, TakesItsSecretByEnvironmentOrFileAndNeedsOne)
{
    const std::vector<std::string> store = {"serve", "--sink=file:/e",
                                            "--s3-admin-url=http://127.0.0.1:7480",
                                            "--s3-admin-access-key=AK"};
    EXPECT_FALSE(read(file_sink).storage.has_store());
    EXPECT_FALSE(delivers_buckets(read(file_sink)));
    EXPECT_NE(refusal_of(store).find("APPINFRA_S3_ADMIN_SECRET_KEY"), std::string::npos);
    InheritedSecrets inherited;
    inherited.store_key = Secret("from-the-environment");
    const Options options = read(store, inherited);
    EXPECT_EQ(options.storage.secret_key.reveal(), "from-the-environment");
    EXPECT_EQ(options.storage.url, "http://127.0.0.1:7480");
    EXPECT_EQ(options.storage.user, "appinfra");
    EXPECT_EQ(options.storage.check, 10min);
    EXPECT_TRUE(delivers_buckets(options));
    auto plain = store;
    plain[2] = "--s3-admin-url=http://store.example";
    EXPECT_NE(refusal_of(plain, inherited).find("--s3-admin-url"), std::string::npos);
}

TEST(OptionStore, HasATokenOfItsOwnAndNeedsNoneOfDatabases)
{
    InheritedSecrets inherited;
    inherited.store_key = Secret("k");
    const std::vector<std::string> http = {"serve", "--producer-url=https://s.example",
                                           "--s3-admin-url=https://store.example"};
    EXPECT_NE(refusal_of(http, inherited).find("no token"), std::string::npos);
    inherited.storage_token = Secret("tok");
    const Options options = read(http, inherited);
    EXPECT_FALSE(options.delivers);
    EXPECT_TRUE(delivers_buckets(options));
    inherited.storage_token = Secret("two words");
    EXPECT_NE(refusal_of(http, inherited).find("storage producer's token"), std::string::npos);
}

TEST(OptionGuests, AreOffAndHaveAQuota)
{
    EXPECT_EQ(read(file_sink).server.guests.from, GuestsFrom::nowhere);
    EXPECT_EQ(read(file_sink).server.guests.quota, 100LL << 20);
    auto with = [&](const std::string &option) {
        auto arguments = file_sink;
        arguments.push_back(option);
        return arguments;
    };
    EXPECT_EQ(read(with("--guests=any")).server.guests.from, GuestsFrom::anywhere);
    EXPECT_EQ(read(with("--guest-quota=2GiB")).server.guests.quota, 2LL << 30);
    EXPECT_EQ(read(with("--guest-quota=5")).server.guests.quota, 5);
    for (const char *wrong : {"--guests=yes", "--guest-quota=0", "--guest-quota=1MB",
                              "--guest-quota=-1", "--guest-quota=99999999GiB", "--guest-quota="})
        EXPECT_NE(refusal_of(with(wrong)), "") << wrong;
}
