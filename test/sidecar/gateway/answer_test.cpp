#include "gateway/answer.hpp"

#include <gtest/gtest.h>

#include "gateway/json_text.hpp"
#include "platform/problem.hpp"

namespace
{

using namespace sidecar;
using namespace sidecar::gateway;

struct Column {
    const char *name;
    Oid type;
};

// A result as libpq gives it; a null value is NULL.
Rows
result_of(std::vector<Column> columns, const std::vector<std::vector<const char *>> &values)
{
    Rows rows(PQmakeEmptyPGresult(nullptr, PGRES_TUPLES_OK));
    std::vector<PGresAttDesc> attributes;
    for (const Column &column : columns) {
        PGresAttDesc attribute = {};
        attribute.name = const_cast<char *>(column.name);
        attribute.typid = column.type;
        attributes.push_back(attribute);
    }
    PQsetResultAttrs(rows.get(), static_cast<int>(attributes.size()), attributes.data());
    for (int row = 0; row < static_cast<int>(values.size()); row++)
        for (int column = 0; column < static_cast<int>(columns.size()); column++) {
            const char *value = values[row][column];
            PQsetvalue(rows.get(), row, column, const_cast<char *>(value),
                       value != nullptr ? static_cast<int>(std::string_view(value).size()) : -1);
        }
    return rows;
}

TEST(Answer, HasTheFieldsInTheirOrder)
{
    const Rows rows = result_of({{"id", 23}, {"a\"b", 25}}, {{"1", "x"}, {"2", nullptr}});
    Answer answer(1000);
    answer.describe(rows.get(), {});
    answer.append(rows.get(), {});
    EXPECT_EQ(answer.take_body({"SELECT", 2}, 7),
              R"({"command":"SELECT","columns":["id","a\"b"],"rows":[[1,"x"],[2,null]],)"
              R"("rows_affected":2,"duration_ms":7})");
    EXPECT_TRUE(answer.unknown_types().empty());
}

TEST(Answer, KeepsValuesWhoseTypesAreLookedUpLater)
{
    const Rows rows = result_of({{"id", 23}, {"tags", 90001}}, {{"1", "{a,b}"}, {"2", nullptr}});
    Answer answer(1000);
    answer.describe(rows.get(), {});
    answer.append(rows.get(), {});
    EXPECT_EQ(answer.unknown_types(), (std::vector<Oid>{90001}));
    answer.resolve({});
    EXPECT_EQ(answer.take_body({"SELECT", 2}, 0),
              R"({"command":"SELECT","columns":["id","tags"],"rows":[[1,"{a,b}"],[2,null]],)"
              R"("rows_affected":2,"duration_ms":0})");
}

TEST(Answer, OfAProcedureIsItsValueOrAllOfThem)
{
    const Rows rows = result_of({{"echo", 3802}}, {{"{\"a\": 1}"}});
    Answer answer(1000);
    answer.take_values();
    answer.describe(rows.get(), {});
    EXPECT_EQ(answer.take_body("echo", false, 1),
              R"({"procedure":"echo","result":null,"duration_ms":1})");
    answer.append(rows.get(), {});
    EXPECT_EQ(answer.take_body("echo", false, 1),
              R"({"procedure":"echo","result":{"a": 1},"duration_ms":1})");
    answer.append(rows.get(), {});
    answer.append(rows.get(), {});
    EXPECT_EQ(answer.take_body("echo", true, 1),
              R"({"procedure":"echo","result":[{"a": 1},{"a": 1}],"duration_ms":1})");
}

TEST(Answer, OfAStatementWithoutRowsHasNone)
{
    EXPECT_EQ(Answer(1000).take_body({"CREATE TABLE", 0}, 0),
              R"({"command":"CREATE TABLE","columns":[],"rows":[],"rows_affected":0,)"
              R"("duration_ms":0})");
}

TEST(Answer, KeepsNoticesUpToALimit)
{
    Answer answer(1000);
    answer.note("first");
    answer.note("\xE9");
    answer.note("second");
    EXPECT_TRUE(answer.take_body({"DO", 0}, 0).ends_with(R"("notice":"first\nsecond"})"));
    answer.note(std::string(5000, 'x'));
    answer.note("more");
    const std::string body = answer.take_body({"DO", 0}, 0);
    EXPECT_LT(body.size(), 4300U);
    EXPECT_TRUE(is_json_text(body));
}

TEST(Answer, DoesNotGrowBeyondItsLimit)
{
    const Rows rows = result_of({{"x", 25}}, {{"0123456789"}});
    Answer answer(40);
    answer.describe(rows.get(), {});
    answer.append(rows.get(), {});
    answer.append(rows.get(), {});
    try {
        answer.append(rows.get(), {});
        FAIL();
    } catch (const Problem &problem) {
        EXPECT_EQ(problem.status, 413);
        EXPECT_EQ(problem.title, "response_too_large");
    }
}

} // namespace
