// The contract's table from an answer to what it means, and the response that is passed on.
#include <gtest/gtest.h>

#include "delivery/outcome.hpp"

using namespace sidecar;

TEST(Classify, StoredAnswers)
{
    for (const int status : {200, 201, 202, 204})
        EXPECT_EQ(classify_answer(status, "").verdict, Verdict::stored) << status;
    EXPECT_EQ(classify_answer(200, "<html>").verdict, Verdict::stored);
}

TEST(Classify, RefusedToken)
{
    EXPECT_EQ(classify_answer(401, "").verdict, Verdict::unauthorized);
    EXPECT_EQ(classify_answer(403, "").verdict, Verdict::unauthorized);
}

TEST(Classify, ConflictsByTitle)
{
    EXPECT_EQ(classify_answer(409, R"({"title":"stale_version"})").verdict, Verdict::stale);
    EXPECT_EQ(classify_answer(409, R"({"title":"foreign_owner"})").verdict, Verdict::refused);
    EXPECT_EQ(classify_answer(409, "stale_version").verdict, Verdict::refused);
    EXPECT_EQ(classify_answer(409, R"({"title":["stale_version"]})").verdict, Verdict::refused);
}

TEST(Classify, FinalRefusals)
{
    for (const int status : {400, 404, 410, 413, 422, 405, 451}) {
        const Outcome outcome = classify_answer(status, R"({"title":"no","detail":"never"})");
        EXPECT_EQ(outcome.verdict, Verdict::refused) << status;
        EXPECT_FALSE(outcome.maybe_stored) << status;
        EXPECT_EQ(outcome.error, "HTTP " + std::to_string(status) + " no: never");
    }
}

TEST(Classify, NotNow)
{
    for (const int status : {408, 425, 429, 503, 301, 302, 307, 308}) {
        const Outcome outcome = classify_answer(status, "");
        EXPECT_EQ(outcome.verdict, Verdict::again) << status;
        EXPECT_FALSE(outcome.maybe_stored) << status;
    }
}

TEST(Classify, AServerThatBrokeMayHaveStored)
{
    for (const int status : {500, 502, 504, 599}) {
        const Outcome outcome = classify_answer(status, "");
        EXPECT_EQ(outcome.verdict, Verdict::again) << status;
        EXPECT_TRUE(outcome.maybe_stored) << status;
    }
    EXPECT_TRUE(classify_answer(299, "").maybe_stored);
    EXPECT_EQ(classify_answer(299, "").verdict, Verdict::refused);
}

TEST(CheckedResponse, IsBuiltFromFieldsThatAreWhatTheyShouldBe)
{
    EXPECT_EQ(
        checked_response(R"({"env_keys":["DATABASE_URL"],"version":7,"x":"postgres://a:b@c"})"),
        R"({"env_keys":["DATABASE_URL"],"version":7})");
    EXPECT_EQ(checked_response(R"({"env_keys":["postgres://a:b@c",1,"PGHOST"]})"),
              R"({"env_keys":["PGHOST"]})");
    EXPECT_EQ(checked_response(R"({"env_keys":"X","version":"7"})"), "");
    for (const char *odd : {"", "not json", "[]", "null"})
        EXPECT_EQ(checked_response(odd), "") << odd;
}
