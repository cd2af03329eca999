// Connections that wait, against a private server: what a refusal carries, that no statement is
// waited for beyond its deadline, and how the pool's database gets over a connection that broke.
#include <csignal>

#include <gtest/gtest.h>

#include "base/failure.hpp"
#include "platform/pg_database.hpp"
#include "postgres/blocking_connection.hpp"
#include "postgres/server.hpp"

using namespace sidecar;
using namespace std::chrono_literals;

namespace
{

constexpr const char *stand_in = R"(
CREATE SCHEMA appinfra;
CREATE FUNCTION appinfra.version() RETURNS text LANGUAGE sql AS $$SELECT '0'$$;
CREATE TABLE appinfra.once (id int CONSTRAINT only_one PRIMARY KEY);
)";

constexpr Query pid = {"pid", "SELECT pg_backend_pid()::text", Effect::reads};
constexpr Query write_pid = {"write_pid", "SELECT pg_backend_pid()::text", Effect::writes};

class BlockingConnectionTest : public ServerTest<BlockingConnectionTest>
{
public:
    static constexpr const char *statements = stand_in;

    static Conninfo
    conninfo()
    {
        return {server->address(), ""};
    }

    // The failure that body throws.
    template <typename Body>
    static Failure
    failure_in(Body body)
    {
        try {
            body();
        } catch (const Failure &failure) {
            return failure;
        }
        ADD_FAILURE() << "nothing was thrown";
        return {Failure::Kind::give_up, ""};
    }

    static void
    end_session(const std::string &backend)
    {
        server->sql("SELECT pg_terminate_backend(" + backend + ", 20000)");
    }
};

class PgDatabaseTest : public BlockingConnectionTest
{
public:
    PgDatabaseTest()
    {
        login->conninfo = std::make_shared<Conninfo>(server->address(), "");
        login->statement_timeout = 20s;
    }

    std::shared_ptr<DatabaseLogin> login = std::make_shared<DatabaseLogin>();
    PgDatabase database{login};
};

} // namespace

TEST_F(BlockingConnectionTest, HandsOverRowsOfTextAndNull)
{
    BlockingConnection connection(conninfo(), {"SET search_path = pg_catalog"});
    const Rows rows =
        connection.query("SELECT $1 || 'b', $2::text IS NULL, 7", {"a", std::nullopt});
    EXPECT_EQ(text_at(rows, 0, 0), "ab");
    EXPECT_EQ(text_at(rows, 0, 1), "t");
    EXPECT_EQ(number_at(rows, 0, 2), 7);
    for (int i = 0; i < 2; i++)
        EXPECT_EQ(number_at(connection.prepared_query("twice", "SELECT 2 * $1::int", {"4"}), 0, 0),
                  8);
}

TEST_F(BlockingConnectionTest, SaysWhatTheServerRefusedFieldByField)
{
    BlockingConnection connection(conninfo());
    connection.query("INSERT INTO appinfra.once VALUES (1)");
    const Failure twice =
        failure_in([&] { connection.query("INSERT INTO appinfra.once VALUES (1)"); });
    EXPECT_EQ(twice.sqlstate(), "23505");
    EXPECT_EQ(twice.server().constraint, "only_one");
    EXPECT_EQ(twice.kind(), Failure::Kind::give_up);
    EXPECT_TRUE(connection.alive());
    const Failure missing = failure_in([&] { connection.query("SELECT appinfra.nothing()"); });
    EXPECT_EQ(with_remedy(missing).kind(), Failure::Kind::configuration);
    EXPECT_EQ(with_remedy(missing).sqlstate(), "42883");
}

TEST_F(BlockingConnectionTest, IsGivenUpWhenItsDeadlineIsOver)
{
    BlockingConnection connection(conninfo(), {}, 200ms);
    const Failure late = failure_in([&] { connection.query("SELECT pg_sleep(60)"); });
    EXPECT_EQ(late.kind(), Failure::Kind::retry);
    EXPECT_EQ(late.sqlstate(), "");
    EXPECT_FALSE(connection.alive());
    failure_in([&] { connection.query("SELECT 1"); });
}

TEST_F(BlockingConnectionTest, SendsWhatIsLargerThanTheSocketsBuffer)
{
    BlockingConnection connection(conninfo());
    const std::string large(8 * 1024 * 1024, 'x');
    EXPECT_EQ(text_at(connection.query("SELECT $1", {large}), 0, 0).size(), large.size());
}

TEST_F(BlockingConnectionTest, SaysWhereAServerThatIsAwayWasLookedFor)
{
    const Failure away = failure_in([] { BlockingConnection({"host=/nowhere", ""}, {}); });
    EXPECT_EQ(away.kind(), Failure::Kind::retry);
    EXPECT_NE(std::string(away.what()).find("at host /nowhere"), std::string::npos) << away.what();
}

TEST_F(PgDatabaseTest, ReadsAgainOverAnotherConnection)
{
    const auto first = database.value(pid, {});
    end_session(*first);
    EXPECT_NE(database.value(pid, {}), first);
    EXPECT_EQ(login->broken, 1);
}

TEST_F(PgDatabaseTest, GivesUpAServerThatHangsAndGoesOnOverAnotherConnection)
{
    login->statement_timeout = 100ms;
    const pid_t backend = std::stoi(*database.value(pid, {}));
    ASSERT_EQ(kill(backend, SIGSTOP), 0);
    const Failure broken = failure_in([&] { database.value(write_pid, {}); });
    EXPECT_STREQ(broken.what(), "the connection to the database broke");
    EXPECT_NE(database.value(write_pid, {}), std::to_string(backend));
    EXPECT_EQ(login->broken, 1);
    kill(backend, SIGCONT);
}

TEST_F(PgDatabaseTest, RepeatsNothingInTheMiddleOfATransaction)
{
    database.begin();
    end_session(*database.value(pid, {}));
    const Failure broken = failure_in([&] { database.value(pid, {}); });
    EXPECT_EQ(broken.kind(), Failure::Kind::retry);
    failure_in([&] { database.commit(); });
    EXPECT_TRUE(database.value(write_pid, {}).has_value());
}

TEST_F(PgDatabaseTest, RollsBackWhatATaskLeft)
{
    database.begin();
    database.value({"insert", "INSERT INTO appinfra.once VALUES (2) RETURNING 'x'", Effect::writes},
                   {});
    database.tidy();
    EXPECT_EQ(
        database.value(
            {"count", "SELECT count(*)::text FROM appinfra.once WHERE id = 2", Effect::reads}, {}),
        "0");
}

TEST_F(PgDatabaseTest, AsksOnceASecondWhileTheDatabaseIsAway)
{
    login->conninfo = std::make_shared<Conninfo>("host=/nowhere", "");
    std::string logged;
    login->failed = [&](const Failure &failure) {
        logged = failure.what();
    };
    for (int i = 0; i < 3; i++) {
        const Failure away = failure_in([&] { database.value(pid, {}); });
        EXPECT_STREQ(away.what(), "the database cannot be reached");
    }
    EXPECT_EQ(login->failures, 1);
    EXPECT_NE(logged.find("/nowhere"), std::string::npos);
}
