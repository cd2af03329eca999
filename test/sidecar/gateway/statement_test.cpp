#include "gateway/statement.hpp"

#include <gtest/gtest.h>

#include "platform/problem.hpp"

namespace
{

using namespace sidecar;
using namespace sidecar::gateway;

std::string
refusal_of(std::string_view body, const StatementLimits &limits = {})
{
    try {
        read_statement(body, limits);
    } catch (const Problem &problem) {
        EXPECT_EQ(problem.status, 400);
        return problem.title;
    }
    return "";
}

TEST(Statement, IsReadFromTheBody)
{
    const std::string body = R"({"x": 1, "sql": "SELECT $1, $2", "params": [1.10, "a"]})";
    const RequestedStatement statement = read_statement(body, {});
    EXPECT_EQ(statement.sql, "SELECT $1, $2");
    ASSERT_EQ(statement.parameters.size(), 2U);
    EXPECT_EQ(statement.parameters[0].raw(), "1.10");
    EXPECT_EQ(statement.parameters[1].text(), "a");
}

TEST(Statement, NeedsNoParameters)
{
    EXPECT_TRUE(read_statement(R"({"sql": "SELECT 1"})", {}).parameters.empty());
    EXPECT_TRUE(read_statement(R"({"sql": "SELECT 1", "params": null})", {}).parameters.empty());
    EXPECT_TRUE(read_statement(R"({"sql": "SELECT 1", "params": []})", {}).parameters.empty());
}

TEST(Statement, IsRefusedForWhatComesFirst)
{
    const StatementLimits small{8, 1};
    EXPECT_EQ(refusal_of(""), "invalid_json");
    EXPECT_EQ(refusal_of("{\"sql\": \"\xE9\"}"), "invalid_json");
    EXPECT_EQ(refusal_of("[]"), "invalid_json");
    EXPECT_EQ(refusal_of("{}"), "empty_statement");
    EXPECT_EQ(refusal_of(R"({"sql": " \n\t", "params": 5})"), "empty_statement");
    EXPECT_EQ(refusal_of(R"({"sql": 5})"), "invalid_field");
    EXPECT_EQ(refusal_of(R"({"sql": "a\u0000"})"), "invalid_field");
    EXPECT_EQ(refusal_of(R"({"sql": "123456789", "params": 5})", small), "statement_too_large");
    EXPECT_EQ(refusal_of(R"({"sql": "12345678", "params": 5})", small), "invalid_field");
    EXPECT_EQ(refusal_of(R"({"sql": "12345678", "params": [1, 2]})", small), "too_many_params");
    EXPECT_EQ(refusal_of(R"({"sql": "12345678", "params": [1]})", small), "");
}

TEST(CommandTag, LosesItsCounts)
{
    const auto expect = [](const char *tag, bool has_rows, const char *command, int rows) {
        const CommandTag read = read_tag(tag, has_rows);
        EXPECT_EQ(read.command, command) << tag;
        EXPECT_EQ(read.rows, rows) << tag;
    };
    expect("SELECT 3", true, "SELECT", 3);
    expect("SELECT 3", false, "CREATE TABLE AS", 3);
    expect("INSERT 0 12", false, "INSERT", 12);
    expect("UPDATE 0", false, "UPDATE", 0);
    expect("CREATE TABLE", false, "CREATE TABLE", 0);
    expect("EXPLAIN", true, "EXPLAIN", 0);
    expect("", false, "", 0);
}

TEST(CommandTag, TellsTransactionControl)
{
    for (const char *command : {"BEGIN", "START TRANSACTION", "COMMIT", "ROLLBACK", "SAVEPOINT"})
        EXPECT_TRUE(controls_transaction(command)) << command;
    for (const char *command : {"SELECT", "INSERT", "DO", "SET", "CREATE TABLE"})
        EXPECT_FALSE(controls_transaction(command)) << command;
}

TEST(Statement, TellsWhetherItBeginsATransaction)
{
    for (const char *sql :
         {"BEGIN", "begin isolation level serializable", "Start Transaction READ ONLY", "BEGIN;",
          " -- x\n\tBEGIN", "/* a /* b */ c */BEGIN/**/ISOLATION LEVEL SERIALIZABLE", ";; begin--"})
        EXPECT_TRUE(begins_transaction(sql)) << sql;
    for (const char *sql :
         {"", "--", "/*", "/* /* */ BEGIN", "SET TRANSACTION READ WRITE", "beginning",
          "SELECT 1 -- \n BEGIN", "begi", "/* BEGIN */ COMMIT", "-- BEGIN"})
        EXPECT_FALSE(begins_transaction(sql)) << sql;
}

} // namespace
