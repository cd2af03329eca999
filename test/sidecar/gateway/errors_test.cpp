#include "gateway/errors.hpp"

#include <gtest/gtest.h>

namespace
{

using namespace sidecar;
using namespace sidecar::gateway;

struct Expected {
    const char *sqlstate;
    int status;
    const char *title;
};

TEST(GatewayErrors, FollowTheTable)
{
    const Expected table[] = {
        {"42601", 400, "parse_error"},
        {"42P02", 400, "params_mismatch"},
        {"42P18", 400, "params_mismatch"},
        {"42P01", 400, "undefined_object"},
        {"42703", 400, "undefined_object"},
        {"42704", 400, "undefined_object"},
        {"42883", 400, "undefined_object"},
        {"3F000", 400, "undefined_object"},
        {"22P02", 400, "invalid_input"},
        {"22003", 400, "invalid_input"},
        {"2D000", 400, "transaction_control"},
        {"3B001", 400, "transaction_control"},
        {"25001", 400, "not_in_transaction"},
        {"0A000", 400, "not_supported"},
        {"P0001", 400, "raised_exception"},
        {"AP123", 400, "raised_exception"},
        {"42725", 400, "database_error"},
        {"21000", 400, "database_error"},
        {"24000", 400, "database_error"},
        {"26000", 400, "database_error"},
        {"34000", 400, "database_error"},
        {"38000", 400, "database_error"},
        {"44000", 400, "database_error"},
        {"54001", 400, "database_error"},
        {"42501", 403, "permission_denied"},
        {"25006", 403, "permission_denied"},
        {"57014", 408, "statement_timeout"},
        {"23505", 409, "unique_violation"},
        {"23503", 409, "integrity_violation"},
        {"23514", 409, "integrity_violation"},
        {"40001", 409, "serialization_failure"},
        {"40P01", 409, "deadlock_detected"},
        {"55P03", 409, "conflict"},
        {"2BP01", 409, "conflict"},
        {"53300", 503, "too_many_connections"},
        {"53200", 503, "database_unavailable"},
        {"57P01", 503, "database_unavailable"},
        {"25P03", 503, "database_unavailable"},
        {"08006", 503, "database_unavailable"},
        {"XX000", 500, "database_error"},
        {"58030", 500, "database_error"},
        {"F0000", 500, "database_error"},
    };
    for (const Expected &row : table) {
        const Problem problem = problem_of({row.sqlstate, "m", "", "", ""});
        EXPECT_EQ(problem.status, row.status) << row.sqlstate;
        EXPECT_EQ(problem.title, row.title) << row.sqlstate;
        EXPECT_EQ(problem.sqlstate, row.sqlstate);
        EXPECT_EQ(problem.retry_after, row.status == 503 ? 1 : 0) << row.sqlstate;
    }
}

TEST(GatewayErrors, ASecondStatementIsToldByTheRoutine)
{
    EXPECT_EQ(problem_of({"42601", "m", "", "", "exec_parse_message"}).title,
              "multiple_statements");
    EXPECT_EQ(problem_of({"42601", "m", "", "", "scanner_yyerror"}).title, "parse_error");
}

TEST(GatewayErrors, ATenantsDiskLimitIsNoFullDiskOfTheHost)
{
    EXPECT_EQ(problem_of({"53100", "m", "", "", "refuse_beyond_disk_limit"}).title, "disk_limit");
    EXPECT_EQ(problem_of({"53100", "m", "", "", "refuse_beyond_disk_limit"}).status, 403);
    EXPECT_EQ(problem_of({"53100", "m", "", "", "mdextend"}).status, 503);
    EXPECT_FALSE(is_kept(403, "disk_limit"));
}

TEST(GatewayErrors, OnlyOneMeaningOf25001IsWorthASecondRun)
{
    EXPECT_TRUE(needs_no_transaction({"25001", "", "", "", "PreventInTransactionBlock"}));
    EXPECT_FALSE(needs_no_transaction({"25001", "", "", "", "call_bool_check_hook"}));
}

TEST(GatewayErrors, QuoteAtMostFourKibibytes)
{
    const Problem problem = problem_of({"P0001", std::string(5000, 'x'), "d", "h", ""});
    EXPECT_EQ(problem.detail.size(), 4096U);
    EXPECT_EQ(problem_of({"P0001", "m", "d", "h", ""}).detail, "m\nd");
    EXPECT_EQ(problem_of({"P0001", "m", "d", "h", ""}).hint, "h");
}

TEST(GatewayErrors, WithoutAnSqlstateAreALostConnection)
{
    EXPECT_EQ(problem_of({}).status, 503);
    EXPECT_EQ(problem_of({}).title, "database_unavailable");
}

TEST(GatewayErrors, AreKeptWhenARepetitionWouldMeetThemAgain)
{
    for (const int status : {200, 201, 400, 403, 404})
        EXPECT_TRUE(is_kept(status, "")) << status;
    for (const int status : {401, 408, 413, 429, 500, 503})
        EXPECT_FALSE(is_kept(status, "")) << status;
    EXPECT_TRUE(is_kept(409, "unique_violation"));
    EXPECT_TRUE(is_kept(409, "integrity_violation"));
    EXPECT_FALSE(is_kept(409, "serialization_failure"));
    EXPECT_FALSE(is_kept(409, "deadlock_detected"));
}

} // namespace
