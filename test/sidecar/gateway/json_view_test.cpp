#include "gateway/json_view.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "gateway/json_text.hpp"

namespace
{

using namespace sidecar::gateway;

TEST(JsonView, AcceptsWhatJsonIs)
{
    for (const char *text :
         {"null", " true ", "-0", "1.10", "1e+300", "\"\\u00e9\\n\"", "[]", "{}", "[[],{}]",
          "{\"a\":1,\"a\":2}", "[1 , 2]\n", "{\"a\":{\"b\":[{}]}, \"c\":null}"})
        EXPECT_TRUE(is_json_text(text)) << text;
}

TEST(JsonView, RefusesWhatItIsNot)
{
    for (const char *text : {"",      " ",         "nul",         "nullx",      "01",    "1.",
                             ".5",    "-",         "+1",          "1e",         "NaN",   "'a'",
                             "\"a",   "\"\\x\"",   "\"\\u12g4\"", "\"\n\"",     "[1,]",  "[,1]",
                             "[1 2]", "{\"a\"}",   "{\"a\":}",    "{\"a\":1,}", "{a:1}", "{1:1}",
                             "[1}",   "{\"a\":1]", "[",           "{",          "[]]",   "1 2",
                             "{,}"})
        EXPECT_FALSE(is_json_text(text)) << text;
}

TEST(JsonView, IsNotExhaustedByDepth)
{
    const std::size_t depth = 500'000;
    EXPECT_TRUE(is_json_text(std::string(depth, '[') + std::string(depth, ']')));
    EXPECT_FALSE(is_json_text(std::string(depth, '[')));
}

TEST(JsonView, KeepsTheDigitsOfNumbers)
{
    const JsonView view(R"( {"n": 9007199254740993 , "d": 1.10} )");
    EXPECT_EQ(view.member("n")->raw(), "9007199254740993");
    EXPECT_EQ(view.member("d")->raw(), "1.10");
    EXPECT_FALSE(view.member("x"));
}

TEST(JsonView, FindsAMemberHoweverItsNameIsWritten)
{
    const JsonView view("{\"s\\u0071l\" : \"x\"}");
    ASSERT_TRUE(view.member("sql"));
    EXPECT_EQ(view.member("sql")->kind(), JsonView::Kind::string);
}

TEST(JsonView, VisitsItemsInTheirOrder)
{
    std::vector<std::string> seen;
    JsonView("[1, \"a,b\", [2,3] ,{\"x\":[4]}, null]").each_item([&](JsonView item) {
        seen.emplace_back(item.raw());
        return true;
    });
    EXPECT_EQ(seen, (std::vector<std::string>{"1", "\"a,b\"", "[2,3]", "{\"x\":[4]}", "null"}));
}

TEST(JsonView, DecodesEscapes)
{
    EXPECT_EQ(JsonView(R"("a\"\\\/\b\f\n\r\t")").text(), "a\"\\/\b\f\n\r\t");
    EXPECT_EQ(JsonView(R"("\u0041\u00e9\u20ac\ud83d\ude00")").text(), "A\u00e9\u20ac\U0001F600");
    EXPECT_EQ(JsonView(R"("\u0000")").text(), std::string(1, '\0'));
    EXPECT_FALSE(JsonView(R"("\ud83d")").text());
    EXPECT_FALSE(JsonView(R"("\ud83d\u0041")").text());
    EXPECT_FALSE(JsonView(R"("\ude00")").text());
}

TEST(JsonView, TellsUtf8FromOtherBytes)
{
    EXPECT_TRUE(is_utf8("a\u00e9\u20ac\U0001F600"));
    for (const char *text : {"\xE9", "\xC3", "\xC0\xAF", "\xE0\x80\x80", "\xED\xA0\x80",
                             "\xF4\x90\x80\x80", "\xF8\x88\x80\x80\x80", "\x80", "\xC3\x28"})
        EXPECT_FALSE(is_utf8(text));
}

TEST(JsonView, WritesStringsThatAreJson)
{
    std::string out;
    append_json_string(out, std::string_view("a\"\\\n\t\x01\x1f\0\x7f\u00e9", 11));
    EXPECT_EQ(out, "\"a\\\"\\\\\\n\\t\\u0001\\u001f\\u0000\x7f\u00e9\"");
    EXPECT_TRUE(is_json_text(out));
}

} // namespace
