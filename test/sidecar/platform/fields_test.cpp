// What a request may say: fields of bodies and of query strings.
#include <gtest/gtest.h>

#include "platform/fake_database.hpp"
#include "platform/use_cases.hpp"

using namespace sidecar;

namespace
{

Problem
reading(const char *json)
{
    return problem_in([&] { input(json, use_cases::provision_fields); });
}

constexpr FieldRule every_kind[] = {
    {"text", FieldKind::text, false, "t"},
    {"flag", FieldKind::flag, false, "f"},
    {"object", FieldKind::object, false, "o"},
    {"list", FieldKind::list, false, "l"},
    {"count", FieldKind::count, false, "c", nullptr, 1, 500},
    {"time", FieldKind::time, false, "i"},
};

std::string
title_of_query(const char *name, const std::string &value)
{
    return problem_in([&] { Input({{name, value}}, every_kind); }).title;
}

} // namespace

TEST(Fields, AreReadByTheTable)
{
    const Input read = input(R"({"app_id":"a","slug":"s","publish":true,"env":{"A":"owner"},
                                 "engine":null})",
                             use_cases::provision_fields);
    EXPECT_EQ(read.text("app_id"), "a");
    EXPECT_TRUE(read.flag("publish", false));
    EXPECT_EQ(read.document("env"), R"({"A":"owner"})");
    EXPECT_EQ(read.text("engine"), std::nullopt);
}

TEST(Fields, AreRefusedByName)
{
    EXPECT_NE(reading(R"({"app_id":"a","slug":"s","x":1})").detail.find("\"x\""),
              std::string::npos);
    EXPECT_NE(reading(R"({"app_id":1,"slug":"s"})").detail.find("\"app_id\""), std::string::npos);
    EXPECT_NE(reading(R"({"slug":"s"})").detail.find("\"app_id\""), std::string::npos);
    EXPECT_EQ(reading(R"({"app_id":null,"slug":"s"})").title, "invalid_field");
    EXPECT_EQ(reading(R"({"a":1,"a":2})").title, "invalid_json");
    EXPECT_EQ(reading("[1]").title, "invalid_json");
    EXPECT_EQ(reading("{\"a\":\"\xc3\x28\"}").title, "invalid_json");
    EXPECT_EQ(reading("{\"a\":\"\\u0000\"}").title, "invalid_json");
    EXPECT_EQ(problem_in([] { parse_object(std::string(100'000, '[')); }).title, "invalid_json");
    EXPECT_EQ(
        problem_in([] { parse_object(R"({"a":"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["})"); }).title,
        "none");
}

TEST(Fields, HaveOneTypeEach)
{
    const Input read = input(R"({"text":"t","flag":true,"object":{},"list":[{"a":1}],"count":500,
                                 "time":"30m"})",
                             every_kind);
    EXPECT_EQ(read.document("list"), R"([{"a":1}])");
    EXPECT_EQ(read.count("count"), 500);
    EXPECT_EQ(read.interval("time"), "30 minutes");
    for (const char *wrong :
         {R"({"text":1})", R"({"flag":"true"})", R"({"object":[]})", R"({"list":{}})",
          R"({"count":"5"})", R"({"count":5.5})", R"({"count":0})", R"({"count":501})",
          R"({"time":30})", R"({"time":"30"})", R"({"time":"1 h"})"})
        EXPECT_EQ(problem_in([&] { input(wrong, every_kind); }).title, "invalid_field") << wrong;
}

TEST(Fields, OfAQueryAreReadByTheirKind)
{
    const Input read({{"count", "7"}, {"flag", "true"}, {"time", "2w"}}, every_kind);
    EXPECT_EQ(read.count("count"), 7);
    EXPECT_TRUE(read.flag("flag", false));
    EXPECT_EQ(read.interval("time"), "2 weeks");
    EXPECT_EQ(read.count("text"), std::nullopt);
    for (const char *wrong : {"", "x", "7x", "0", "501", "99999999999999999999", "-1", "1.5"})
        EXPECT_EQ(title_of_query("count", wrong), "invalid_field") << wrong;
    EXPECT_EQ(title_of_query("flag", "yes"), "invalid_field");
    EXPECT_EQ(title_of_query("text", "\xc3\x28"), "invalid_field");
    EXPECT_EQ(title_of_query("text", std::string(1, '\0')), "invalid_field");
    EXPECT_EQ(title_of_query("other", "x"), "invalid_field");
}

TEST(Fields, SayTheirShapeInTheSchema)
{
    const std::string schema = json_text(schema_of(Fieldset(every_kind)));
    EXPECT_NE(
        schema.find(R"("count":{"type":"integer","description":"c","minimum":1,"maximum":500})"),
        std::string::npos)
        << schema;
    EXPECT_NE(schema.find(R"("pattern":"^[0-9]{1,9}[smhdw]$")"), std::string::npos) << schema;
    EXPECT_NE(
        json_text(schema_of(Fieldset(use_cases::provision_fields))).find(R"("enum":["owner")"),
        std::string::npos);
}
