// What is made of a server that lets nobody in, and how long the loop waits then.
#include <gtest/gtest.h>

#include <poll.h>

#include "base/backoff.hpp"
#include "postgres/async_connection.hpp"
#include "postgres/login_refusal.hpp"
#include "postgres/server.hpp"

using namespace sidecar;
using namespace std::chrono_literals;

namespace
{

class LoginRefusalTest : public ServerTest<LoginRefusalTest>
{
public:
    static constexpr const char *statements = "SELECT 1;";
};

} // namespace

TEST(LoginRefusal, NamesTheLineThatHasToChange)
{
    const LoginRefusal peer = login_refusal("FATAL:  Peer authentication failed for user \"a\"");
    EXPECT_STREQ(peer.sqlstate, "28000");
    EXPECT_NE(std::string(peer.hint).find("scram-sha-256"), std::string::npos);
    EXPECT_STREQ(login_refusal("FATAL:  no pg_hba.conf entry for host \"::1\"").sqlstate, "28000");
    EXPECT_STREQ(login_refusal("FATAL:  password authentication failed for user \"a\"").sqlstate,
                 "28P01");
}

TEST(LoginRefusal, TellsAMissingDatabaseFromAMissingRole)
{
    const LoginRefusal database = login_refusal("FATAL:  database \"platform\" does not exist");
    EXPECT_STREQ(database.sqlstate, "3D000");
    EXPECT_NE(std::string(database.hint).find("appinfra.control_database"), std::string::npos);
    EXPECT_STREQ(login_refusal("FATAL:  role \"platform\" does not exist").sqlstate, "");
}

TEST(LoginRefusal, LeavesOtherTroubleToTheGeneralHint)
{
    const LoginRefusal refused = login_refusal("connection to server failed: Connection refused");
    EXPECT_STREQ(refused.sqlstate, "");
    EXPECT_EQ(refused.hint, nullptr);
}

TEST_F(LoginRefusalTest, WaitsAMinuteForADatabaseThatSomebodyHasToCreate)
{
    const SystemClock clock;
    Log log(LogFormat::text, LogLevel::error);
    const auto conninfo = std::make_shared<const Conninfo>(
        "host=" + server->work.root.string() + " user=postgres dbname=none", "");
    AsyncConnection connection("test", conninfo, {}, 1s, clock, log, Backoff(1ms, 2ms, 1));
    for (int turn = 0; turn < 100 && connection.failures() == 0; turn++) {
        connection.pump();
        pollfd waiting{connection.fd(), POLLIN, 0};
        poll(&waiting, 1, 100);
    }
    ASSERT_EQ(connection.failures(), 1);
    EXPECT_GT(connection.flush() - clock.now(), 55s);
    EXPECT_EQ(connection.last_failure()->sqlstate(), "3D000");
}
