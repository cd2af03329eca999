#include "gateway/parameter.hpp"

#include <gtest/gtest.h>

#include "gateway/json_text.hpp"
#include "platform/problem.hpp"

namespace
{

using namespace sidecar;
using namespace sidecar::gateway;

constexpr Oid boolean = 16, int8 = 20, int4 = 23, text = 25, json = 114, jsonb = 3802, float8 = 701;
constexpr Oid numeric = 1700, int4_array = 1007, text_array = 1009, jsonb_array = 3807;

std::optional<std::string>
sent(const char *value, Oid type)
{
    EXPECT_TRUE(is_json_text(value)) << value;
    return parameter_text(JsonView(value), type, Types(), 1);
}

TEST(Parameter, OfNullIsNull)
{
    EXPECT_FALSE(sent("null", int4));
    EXPECT_FALSE(sent("null", jsonb));
}

TEST(Parameter, OfAStringIsTheStringForEveryType)
{
    for (const Oid type : {int4, text, jsonb, int4_array, boolean})
        EXPECT_EQ(sent(R"("a\"b")", type), "a\"b");
}

TEST(Parameter, KeepsTheDigitsOfANumber)
{
    EXPECT_EQ(sent("9007199254740993", int8), "9007199254740993");
    EXPECT_EQ(sent("1234567890123456789012345678901.10", numeric),
              "1234567890123456789012345678901.10");
    EXPECT_EQ(sent("1e3", numeric), "1e3");
    EXPECT_EQ(sent("1e400", float8), "1e400");
    EXPECT_EQ(sent("5.0", text), "5.0");
}

TEST(Parameter, OfAWholeNumberIsOneForIntegers)
{
    EXPECT_EQ(sent("5.0", int4), "5");
    EXPECT_EQ(sent("5e0", int4), "5");
    EXPECT_EQ(sent("-1.5E+1", int4), "-15");
    EXPECT_EQ(sent("1e3", int8), "1000");
    EXPECT_EQ(sent("1200e-2", int4), "12");
    EXPECT_EQ(sent("-0.0", int4), "0");
    EXPECT_EQ(sent("0e5", int4), "0");
    EXPECT_EQ(sent("5.5", int4), "5.5");
    EXPECT_EQ(sent("1e999999999999", int4), "1e999999999999");
    EXPECT_EQ(sent("1e-99", int4), "1e-99");
}

TEST(Parameter, OfABooleanIsItsWord)
{
    EXPECT_EQ(sent("true", boolean), "true");
    EXPECT_EQ(sent("false", text), "false");
}

TEST(Parameter, OfAnArrayIsALiteralForArrays)
{
    EXPECT_EQ(sent("[1, 2.0, null]", int4_array), R"({"1","2",NULL})");
    EXPECT_EQ(sent("[[1,2],[3,4]]", int4_array), R"({{"1","2"},{"3","4"}})");
    EXPECT_EQ(sent("[]", int4_array), "{}");
    EXPECT_EQ(sent(R"(["a,b", "NULL", "\"\\", "{", ""])", text_array),
              R"({"a,b","NULL","\"\\","{",""})");
    EXPECT_EQ(sent(R"([{"a": [1]}, [2]])", jsonb_array), R"({"{\"a\": [1]}","[2]"})");
}

TEST(Parameter, OfAnArrayIsTheJsonForJson)
{
    EXPECT_EQ(sent("[1, 2.50]", jsonb), "[1, 2.50]");
    EXPECT_EQ(sent(R"({"a": 1, "a": 2})", json), R"({"a": 1, "a": 2})");
}

TEST(Parameter, ThatFitsNoTypeIsRefused)
{
    for (const char *value : {"[1]", "[]"})
        try {
            sent(value, int4);
            ADD_FAILURE() << value;
        } catch (const Problem &problem) {
            EXPECT_EQ(problem.status, 400);
            EXPECT_EQ(problem.title, "invalid_input");
        }
    EXPECT_THROW(sent(R"("\u0000")", text), Problem);
    EXPECT_THROW(sent(R"("\ud800")", text), Problem);
    EXPECT_THROW(sent("[[[[[[[1]]]]]]]", int4_array), Problem);
}

TEST(Parameter, NeedsItsTypeOnlyWhenThatDecides)
{
    for (const char *value : {"null", "true", "\"x\"", "-12"})
        EXPECT_TRUE(fits_any_type(JsonView(value))) << value;
    for (const char *value : {"1.0", "1e3", "1E3", "[]", "{}"})
        EXPECT_FALSE(fits_any_type(JsonView(value))) << value;
}

} // namespace
