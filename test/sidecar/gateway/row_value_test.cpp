#include "gateway/row_value.hpp"

#include <memory>

#include <gtest/gtest.h>

#include "gateway/json_text.hpp"
#include "platform/problem.hpp"

namespace
{

using namespace sidecar;
using namespace sidecar::gateway;

constexpr Oid boolean = 16, bytea = 17, int4 = 23, text = 25, json = 114, float8 = 701;
constexpr Oid numeric = 1700, timestamptz = 1184, int4_array = 1007, text_array = 1009;
constexpr Oid unknown = 999'999;

std::string
shown(std::string_view value, Oid type, const Types &types = {})
{
    std::string out;
    append_row_value(out, value, type, types);
    EXPECT_TRUE(is_json_text(out)) << out;
    return out;
}

TEST(RowValue, OfANumberHasPostgresDigits)
{
    EXPECT_EQ(shown("9007199254740993", 20), "9007199254740993");
    EXPECT_EQ(shown("1.10", numeric), "1.10");
    EXPECT_EQ(shown("-0", float8), "-0");
    EXPECT_EQ(shown("1e-05", float8), "1e-05");
    EXPECT_EQ(shown("NaN", float8), "\"NaN\"");
    EXPECT_EQ(shown("-Infinity", numeric), "\"-Infinity\"");
}

TEST(RowValue, OfABooleanAndOfText)
{
    EXPECT_EQ(shown("t", boolean), "true");
    EXPECT_EQ(shown("f", boolean), "false");
    EXPECT_EQ(shown("a\"\n", text), R"("a\"\n")");
    EXPECT_EQ(shown("1", unknown), "\"1\"");
}

TEST(RowValue, OfJsonIsCopied)
{
    EXPECT_EQ(shown(R"({"a": 1, "a": 2})", json), R"({"a": 1, "a": 2})");
}

TEST(RowValue, OfBytesIsBase64InBothFormats)
{
    EXPECT_EQ(shown("\\x", bytea), "\"\"");
    EXPECT_EQ(shown("\\x66", bytea), "\"Zg==\"");
    EXPECT_EQ(shown("\\x666f", bytea), "\"Zm8=\"");
    EXPECT_EQ(shown("\\x00ff10", bytea), "\"AP8Q\"");
    EXPECT_EQ(shown("\\000\\377\\020", bytea), "\"AP8Q\"");
    EXPECT_EQ(shown("f\\\\", bytea), "\"Zlw=\"");
    EXPECT_EQ(shown("\\9", bytea), "\"\\\\9\"");
}

TEST(RowValue, OfAnInstantIsRfc3339InUtc)
{
    EXPECT_EQ(shown("2024-05-06 07:08:09+00", timestamptz), "\"2024-05-06T07:08:09Z\"");
    EXPECT_EQ(shown("2024-05-06 07:08:09.123456+00", timestamptz),
              "\"2024-05-06T07:08:09.123456Z\"");
}

TEST(RowValue, OfAnInstantInAnotherFormIsPostgresText)
{
    for (const char *value :
         {"2024-05-06 07:08:09+02", "infinity", "0044-03-15 00:00:00+00 BC",
          "10000-01-01 00:00:00+00", "06/05/2024 07:08:09 UTC", "2024-05-06 07:08:09.+00"})
        EXPECT_EQ(shown(value, timestamptz), "\"" + std::string(value) + "\"");
}

TEST(RowValue, OfAnArrayIsNested)
{
    EXPECT_EQ(shown("{1,NULL,3}", int4_array), "[1,null,3]");
    EXPECT_EQ(shown("{{1,2},{3,4}}", int4_array), "[[1,2],[3,4]]");
    EXPECT_EQ(shown("{}", int4_array), "[]");
    EXPECT_EQ(shown("[0:1]={1,2}", int4_array), "[1,2]");
    EXPECT_EQ(shown(R"({a,"NULL","b,\"c\\",""})", text_array), R"(["a","NULL","b,\"c\\",""])");
    EXPECT_EQ(shown("{1,2", int4_array), "\"{1,2\"");
    EXPECT_EQ(shown("{1}}", int4_array), "\"{1}}\"");
    EXPECT_EQ(shown("[0:1]", int4_array), "\"[0:1]\"");
}

TEST(RowValue, ThatIsNotUtf8IsRefused)
{
    EXPECT_THROW(shown("\xE9", text), Problem);
}

// A row of what Types::lookup_sql gives.
void
add_row(PGresult *rows, std::initializer_list<const char *> values)
{
    const int row = PQntuples(rows);
    int column = 0;
    for (const char *value : values)
        PQsetvalue(rows, row, column++, const_cast<char *>(value),
                   static_cast<int>(std::char_traits<char>::length(value)));
}

TEST(Types, LearnsArraysDomainsAndVectors)
{
    const std::unique_ptr<PGresult, decltype(&PQclear)> rows(
        PQmakeEmptyPGresult(nullptr, PGRES_TUPLES_OK), PQclear);
    PGresAttDesc columns[7] = {};
    char name[] = "x";
    for (PGresAttDesc &column : columns)
        column.name = name;
    PQsetResultAttrs(rows.get(), 7, columns);
    add_row(rows.get(), {"70001", "mood", "e", "0", "E", "0", ""});
    add_row(rows.get(), {"70002", "_mood", "b", "70001", "A", "0", ","});
    add_row(rows.get(), {"70003", "vector", "b", "0", "U", "0", ""});
    add_row(rows.get(), {"70004", "posint", "d", "0", "N", "23", ""});
    add_row(rows.get(), {"70005", "smallposint", "d", "0", "N", "70004", ""});
    add_row(rows.get(), {"603", "box", "b", "600", "G", "0", ","});
    add_row(rows.get(), {"1020", "_box", "b", "603", "A", "0", ";"});
    Types types;
    EXPECT_FALSE(types.knows(70002));
    types.learn(rows.get());
    EXPECT_TRUE(types.knows(70002));
    EXPECT_EQ(shown("{sad,ok}", 70002, types), R"(["sad","ok"])");
    EXPECT_EQ(types.find(70003)->form, Type::Form::vector);
    EXPECT_EQ(types.find(70005)->form, Type::Form::integer);
    EXPECT_EQ(shown("{(1,1),(0,0);(2,2),(1,1)}", 1020, types), "[\"(1,1),(0,0)\",\"(2,2),(1,1)\"]");
    EXPECT_EQ(shown("1", int4, types), "1");
}

} // namespace
