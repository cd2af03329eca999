// Environment files read as systemd reads them, and connection strings as libpq reads them.
#include <gtest/gtest.h>

#include <map>

#include "base/failure.hpp"
#include "check_env/dsn_parameters.hpp"
#include "check_env/env_text.hpp"
#include "delivery/env_file.hpp"
#include "postgres/conninfo.hpp"

using namespace sidecar;

namespace
{

// "NAME=[value]" for each assignment, with blanks between.
std::string
read(std::string_view text)
{
    std::string out;
    for (const Variable &variable : read_env_text(text))
        out += (out.empty() ? "" : " ") + variable.name + "=[" +
               std::string(variable.value.reveal()) + "]";
    return out;
}

// Why a text is refused.
std::string
refusal_of(std::string_view text)
{
    try {
        read_env_text(text);
    } catch (const Failure &failure) {
        EXPECT_EQ(failure.kind(), Failure::Kind::configuration);
        return failure.what();
    }
    return "";
}

} // namespace

TEST(EnvText, ReadsPlainValuesCommentsAndBlanks)
{
    EXPECT_EQ(read("A=1\n# B=2\n; C=3\n\n  D = 4  \r\nE=\nF"), "A=[1] D=[4] E=[]");
    EXPECT_EQ(read("A=a b#c;d\n"), "A=[a b#c;d]");
    EXPECT_EQ(read("export A=1\nexport\tB=2\nexport=3"), "A=[1] B=[2] export=[3]");
    EXPECT_EQ(read("1A=1\nA-B=2\n=3\nA B=4\n\xC3\xA4=5\nno assignment\nC=6"), "C=[6]");
    EXPECT_EQ(read("A=1\nA=2"), "A=[1] A=[2]");
    EXPECT_EQ(read(""), "");
}

TEST(EnvText, ReadsQuotesAndBackslashes)
{
    EXPECT_EQ(read("A='a \"b\" \\n'\nB=\"it's \\\"x\\\" \\$y \\\\ \\n\""),
              "A=[a \"b\" \\n] B=[it's \"x\" $y \\ \\n]");
    EXPECT_EQ(read("A='a'\"b\" 'c' d 'e' \n"), "A=[abcd 'e']");
    EXPECT_EQ(read("A=a\\ \\b\\\n  c\nB=1"), "A=[a b  c] B=[1]");
    EXPECT_EQ(read("A=\"one\ntwo\\\nthree\"\nB='x\ny'"), "A=[one\ntwothree] B=[x\ny]");
    EXPECT_EQ(read("A=x\\"), "A=[x]");
    EXPECT_EQ(read("A= ' x ' \nB=\\ x \nC=x\\  "), "A=[ x ] B=[ x] C=[x ]");
}

TEST(EnvText, LetsNoLineHideBehindAQuoteInsideOfAValue)
{
    EXPECT_EQ(read("A=it's\nAPP_DB_HOST=x\nB=it's\n"), "A=[it's] APP_DB_HOST=[x] B=[it's]");
    EXPECT_EQ(read("# it's \\\nA=1"), "A=[1]");
    EXPECT_EQ(read("='\nAPP_DB_HOST=x\n'=B=1\n"), "APP_DB_HOST=[x]");
}

TEST(EnvText, RefusesWhatNobodyCanMean)
{
    EXPECT_EQ(refusal_of("A=1\nB='secret\nC=2"), "the quote in line 2 is never closed");
    EXPECT_EQ(refusal_of("A=\"secret\\\""), "the quote in line 1 is never closed");
    EXPECT_NE(refusal_of(std::string_view("A=1\0B=2", 7)), "");
}

TEST(EnvText, ReadsBackWhatTheSinkWrites)
{
    for (const std::string &value :
         {std::string("postgres://u:p@h/d?a=b&c=d"), std::string("a\"b'c\\d$e`f g  "),
          std::string("#;="), std::string("gr\xC3\xBC\xC3\x9F"), std::string()}) {
        EnvFile file("");
        file.set("A", Secret(value));
        EXPECT_EQ(read(file.text().reveal()), "A=[" + value + "]");
    }
}

// libpq takes the last of several; our reading has to come to the same values.
TEST(DsnParameters, AreThoseOfLibpq)
{
    for (const char *text :
         {"postgres://u:p@h1:1,[::1]:2,h3/d%20b?sslmode=require&user=x%41", "postgresql://",
          "postgres://u@", "postgres://:p@/", "postgres://h?user=u",
          "postgres://u:p:q@h:/?ssl=true", "postgres:///d?host=%2Ftmp&host=/run&requiressl=0",
          "postgres://h,,:5/d?", "", " user = 'it\\'s' password=a\\ b\\\\ host='' port=1 port = 2",
          "user=a\\", "user='' requiressl=1", "postgres://a,b:1@h", "postgres://u:?#@h/d",
          "user=a\tdbname='x y'host=h"}) {
        const ConninfoOptions options = parse_conninfo(text);
        ASSERT_TRUE(options) << text;
        std::map<std::string, std::string> libpq, ours;
        for (const PQconninfoOption *option = options.get(); option->keyword; option++)
            if (option->val != nullptr)
                libpq[option->keyword] = option->val;
        for (const DsnParameter &parameter : dsn_parameters(text))
            ours[parameter.keyword] = parameter.value.reveal();
        EXPECT_EQ(ours, libpq) << text;
    }
}

TEST(DsnParameters, AreRepeatedOnlyWithDifferentValues)
{
    const auto repeated = [](const char *text) {
        return repeated_keywords(dsn_parameters(text));
    };
    EXPECT_EQ(repeated("user=a user='a' host=b"), std::vector<std::string>{});
    EXPECT_EQ(repeated("user=a user=b user=a host=c host="),
              (std::vector<std::string>{"user", "host"}));
    EXPECT_EQ(repeated("postgres://u@h/d?dbname=e&host=h"), std::vector<std::string>{"dbname"});
}
