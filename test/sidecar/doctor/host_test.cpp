// What the doctor makes of a server's state that no test can bring about in time: clocks, expiry.
#include <gtest/gtest.h>

#include "doctor/host.hpp"

using namespace sidecar;

namespace
{

// Returns what is not ok, one "LEVEL check" each.
std::string
bad(const CheckResults &results)
{
    std::string text;
    for (const CheckResult &one : results.all())
        if (one.level != Level::ok)
            text += (one.level == Level::warning ? "warning " : "problem ") + one.check + "\n";
    return text;
}

// Returns the facts of a good host, with a certificate for so many days.
Json
facts_with(int days)
{
    return pack("{s:{s:s, s:s, s:s, s:s, s:s, s:s}, s:[{s:s, s:[s], s:[s], s:s, s:s, s:i}],"
                " s:{s:s, s:i, s:s, s:b, s:b}, s:i}",
                "settings", "shared_preload_libraries", "pg_stat_statements, appinfra",
                "appinfra.guard", "enforce", "appinfra.public_host", "pg.example",
                "listen_addresses", "*", "appinfra.public_ca_file", "/ca", "hba_file", "/hba",
                "hba", "type", "hostssl", "database", "all", "user_name", "all", "address",
                "10.0.0.0", "auth_method", "scram-sha-256", "line_number", 3, "certificate", "file",
                "/crt", "days", days, "not_after", "2027", "is_for_public_host", 1, "is_untrusted",
                0, "pool_ready", 4);
}

std::string
judged(const Json &facts)
{
    CheckResults results;
    judge_host(facts, results);
    return bad(results);
}

} // namespace

TEST(JudgeHost, FindsNothingWrongWithAGoodHost)
{
    EXPECT_EQ(judged(facts_with(30)), "");
}

TEST(JudgeHost, TellsACertificateThatEndsSoonFromOneThatHasEnded)
{
    EXPECT_EQ(judged(facts_with(29)), "warning certificate\n");
    EXPECT_EQ(judged(facts_with(0)), "warning certificate\n");
    EXPECT_EQ(judged(facts_with(-1)), "problem certificate\n");
}

TEST(JudgeHost, WarnsOfALineThatTakesPasswordsInClear)
{
    const Json facts = facts_with(30);
    json_object_set_new(json_array_get(json_object_get(facts.get(), "hba"), 0), "type",
                        json_string("host"));
    EXPECT_EQ(judged(facts), "warning pg_hba.conf\n");
}

TEST(JudgeHost, MissesThePreload)
{
    const Json facts = facts_with(30);
    json_object_set_new(json_object_get(facts.get(), "settings"), "shared_preload_libraries",
                        json_string("appinfra_other"));
    EXPECT_EQ(judged(facts), "problem preload\n");
}

TEST(JudgeHost, KnowsAPublicNameThatIsMissing)
{
    const Json facts = facts_with(30);
    json_object_set_new(json_object_get(facts.get(), "settings"), "appinfra.public_host",
                        json_string(""));
    EXPECT_EQ(judged(facts), "problem public host\n");
}

TEST(JudgeClock, AllowsForTheTimeOfTheQuestion)
{
    CheckResults results;
    judge_clock(100, 99, 101, results);
    judge_clock(102.5, 99, 101, results);
    EXPECT_EQ(bad(results), "");
    judge_clock(103.5, 99, 101, results);
    judge_clock(96, 99, 101, results);
    EXPECT_EQ(bad(results), "warning clock\nwarning clock\n");
}
