// Encodings, cleaning, redaction, and the log's escaping.
#include <gtest/gtest.h>

#include "base/failure.hpp"
#include "base/json.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "base/url.hpp"
#include "delivery/publication.hpp"
#include "delivery/redactor.hpp"

using namespace sidecar;

TEST(PercentEncoding, KeepsOnlyUnreservedCharacters)
{
    EXPECT_EQ(percent_encode("app-1_2.3~x"), "app-1_2.3~x");
    EXPECT_EQ(percent_encode("a/b?c#d e%\xC3\xA9"), "a%2Fb%3Fc%23d%20e%25%C3%A9");
}

TEST(PercentEncoding, IsUndone)
{
    const std::string text = "p@ss:w/rd%\x01\xFF";
    EXPECT_EQ(percent_decode(percent_encode(text)), text);
    EXPECT_EQ(percent_decode("100%"), "100%");
    EXPECT_EQ(percent_decode("%zz%4"), "%zz%4");
}

TEST(CleanText, RemovesControlCharactersAndMendsUtf8)
{
    EXPECT_EQ(clean_text("a\nb\x1b[31mc\x7f"), "ab[31mc");
    EXPECT_EQ(clean_text("\xC2\x85x"), "x"); // a C1 control, NEL
    EXPECT_EQ(clean_text("\xFFz"), "\xEF\xBF\xBDz");
    EXPECT_EQ(clean_text("\xC0\xAF"), "\xEF\xBF\xBD\xEF\xBF\xBD");         // overlong
    EXPECT_EQ(clean_text("\xED\xA0\x80").find('\xED'), std::string::npos); // a surrogate
    EXPECT_EQ(clean_text("gr\xC3\xBC\xC3\x9F"), "gr\xC3\xBC\xC3\x9F");
}

TEST(CleanLines, KeepsLinesOnly)
{
    EXPECT_EQ(clean_lines("a\nb\tc\r\x1b\xFF"), "a\nbc\xEF\xBF\xBD");
}

TEST(CutText, NeverCutsInsideACharacter)
{
    EXPECT_EQ(cut_text("ab\xC3\xA9", 3), "ab");
    EXPECT_EQ(cut_text("ab\xC3\xA9", 4), "ab\xC3\xA9");
}

TEST(Uuid, HasVersionAndVariant)
{
    const std::string uuid = random_uuid();
    ASSERT_EQ(uuid.size(), 36u);
    EXPECT_EQ(uuid[8], '-');
    EXPECT_EQ(uuid[14], '4');
    EXPECT_NE(std::string("89ab").find(uuid[19]), std::string::npos);
    EXPECT_NE(uuid, random_uuid());
}

TEST(VariableNames, AreUpperCaseWords)
{
    EXPECT_TRUE(is_variable_name("DATABASE_URL"));
    EXPECT_TRUE(is_variable_name("_X9"));
    EXPECT_FALSE(is_variable_name(""));
    EXPECT_FALSE(is_variable_name("9X"));
    EXPECT_FALSE(is_variable_name("database"));
    EXPECT_FALSE(is_variable_name("A=B"));
    EXPECT_FALSE(is_variable_name(std::string(129, 'A')));
}

namespace
{

constexpr const char *password = "s3cr-tPa_ssw0rdThatIsFortyFourCharsLong0123456";

Publication
with_dsn(const std::string &pass)
{
    Publication publication;
    publication.set.push_back({"DATABASE_URL", Secret("postgres://app:" + pass +
                                                      "@pg.example:5432/app?sslmode=require")});
    return publication;
}

} // namespace

TEST(Redactor, HidesTheDsnThePasswordAndTheirEncodedForms)
{
    const Publication publication = with_dsn("pa%2Fss%2Bw%40rd-0123456789");
    const std::string dsn(publication.set[0].value.reveal());
    const Redactor redactor(publication);
    for (const std::string &form :
         {dsn, percent_encode(dsn), std::string("pa%2Fss%2Bw%40rd-0123456789"),
          std::string("pa%2fss%2bw%40rd-0123456789"), std::string("pa/ss+w@rd-0123456789"),
          percent_encode("pa%2Fss%2Bw%40rd-0123456789")}) {
        const std::string text = redactor.redact("before " + form + " after");
        EXPECT_EQ(text.find("0123456789"), std::string::npos) << text;
        EXPECT_NE(text.find("before "), std::string::npos);
        EXPECT_NE(text.find("***"), std::string::npos);
        EXPECT_NE(text.find(" after"), std::string::npos);
    }
}

TEST(Redactor, HidesASecretThatIsBrokenUpByControlCharacters)
{
    std::string broken = password;
    broken.insert(10, 1, '\x01');
    broken.insert(20, 1, '\n');
    EXPECT_EQ(Redactor(with_dsn(password)).redact("x " + broken + " y"), "x *** y");
}

TEST(Redactor, HidesAPieceOfAPassword)
{
    const std::string piece = std::string(password).substr(5, 20);
    EXPECT_EQ(Redactor(with_dsn(password)).redact("bad value " + piece + "..."),
              "bad value ***...");
}

TEST(Redactor, CutsOnlyAfterHiding)
{
    const std::string text = std::string(500, 'x') + password;
    const std::string redacted = Redactor(with_dsn(password)).redact(text);
    EXPECT_EQ(redacted, std::string(500, 'x') + "***");
    EXPECT_LE(Redactor(with_dsn(password)).redact(std::string(5000, 'y')).size(), 512u);
}

TEST(Redactor, HidesAnyPasswordVariableAndAddedSecrets)
{
    Publication publication;
    publication.set.push_back({"PGPASSWORD", Secret("short")});
    publication.set.push_back({"PGPORT", Secret("5432")});
    Redactor redactor(publication);
    redactor.add("token-1");
    EXPECT_EQ(redactor.redact("short 5432 token-1"), "*** 5432 ***");
}

TEST(LogLines, AreValidJsonWhateverTheValuesAre)
{
    const std::string evil = "a\"b\\c\n{\"x\":1}\t\x01\xFF end";
    const std::string line = render_line(LogFormat::json, {}, LogLevel::warn, evil,
                                         {{"error", evil}, {"ms", std::int64_t{-5}}});
    EXPECT_EQ(line.find('\n'), std::string::npos);
    const Json object = parse_json(line);
    ASSERT_TRUE(object);
    EXPECT_EQ(string_member(object, "level"), "warn");
    EXPECT_EQ(string_member(object, "time"), "1970-01-01T00:00:00.000Z");
    EXPECT_EQ(string_member(object, "error"), "a\"b\\c{\"x\":1}\xEF\xBF\xBD end");
    EXPECT_EQ(integer_member(object, "ms"), -5);
}

TEST(LogLines, OfTextCannotBeForged)
{
    const std::string line =
        render_line(LogFormat::text, {}, LogLevel::info, "publication",
                    {{"target", "x\n2026 error forged"}, {"id", std::int64_t{7}}});
    EXPECT_EQ(line, "1970-01-01T00:00:00.000Z info publication target=\"x2026 error forged\" id=7");
}

TEST(LogLevels, BelowTheChosenOneAreNotWritten)
{
    std::vector<std::string> lines;
    Log log(LogFormat::text, LogLevel::warn,
            [&](const std::string &line) { lines.push_back(line); });
    log.info("quiet");
    log.warn("loud");
    ASSERT_EQ(lines.size(), 1u);
    EXPECT_NE(lines[0].find("loud"), std::string::npos);
    EXPECT_THROW(log_level_of("chatty"), Failure);
}

TEST(ProducerUrl, EncodesTheAppIdAsOnePathSegment)
{
    const ProducerUrl url("https://secrets.example/base/", "/api/apps/{app_id}/env", false);
    EXPECT_EQ(url.for_app("app-1"), "https://secrets.example/base/api/apps/app-1/env");
    EXPECT_EQ(url.for_app("../x?y"), "https://secrets.example/base/api/apps/..%2Fx%3Fy/env");
    EXPECT_THROW(url.for_app(".."), Failure);
    EXPECT_THROW(url.for_app("."), Failure);
}

TEST(ProducerUrl, IsPlaintextOnlyToLoopbackOrOnDemand)
{
    const auto make = [](const char *base, bool plain) {
        ProducerUrl(base, "/{app_id}", plain);
    };
    EXPECT_NO_THROW(make("http://127.0.0.1:8080", false));
    EXPECT_NO_THROW(make("http://127.9.9.9", false));
    EXPECT_NO_THROW(make("http://[::1]:8080", false));
    EXPECT_NO_THROW(make("http://localhost", false));
    EXPECT_NO_THROW(make("http://secrets.example", true));
    EXPECT_THROW(make("http://secrets.example", false), Failure);
    EXPECT_THROW(make("http://127.0.0.1.example.com", false), Failure);
    EXPECT_THROW(make("http://10.0.0.1", false), Failure);
    EXPECT_THROW(make("ftp://127.0.0.1", true), Failure);
    EXPECT_THROW(make("https://user:pw@secrets.example", false), Failure);
    EXPECT_THROW(make("https://secrets.example/?a=b", false), Failure);
    EXPECT_THROW(ProducerUrl("https://secrets.example", "/fixed", false), Failure);
}

TEST(RequestBody, HasTheContractsShape)
{
    Publication publication = with_dsn("pw");
    publication.host_id = "h";
    publication.id = 17;
    publication.version = 42;
    publication.target = publication.app_id = "app-1";
    publication.producer = "postgres";
    publication.ref = "db-1";
    publication.unset = {"OLD_URL"};
    const Secret body = request_body(publication);
    EXPECT_EQ(body.reveal(),
              R"({"producer":"postgres","target":"app-1","ref":"db-1","host_id":"h",)"
              R"("publication_id":17,"version":42,"set":{"DATABASE_URL":)"
              R"("postgres://app:pw@pg.example:5432/app?sslmode=require"},"unset":["OLD_URL"]})");
    EXPECT_EQ(publication.variable_names(), "DATABASE_URL,-OLD_URL");
}

TEST(ReadSet, RefusesWhatIsNotAnObjectOfStringsAndQuotesNothing)
{
    EXPECT_EQ(read_set(R"({"A":"1","B":"2"})").size(), 2u);
    for (const char *bad : {"[]", R"({"A":hidden})", R"({"A":1})", R"({"a-b":"hidden"})", ""}) {
        try {
            read_set(bad);
            ADD_FAILURE() << bad;
        } catch (const Failure &failure) {
            EXPECT_EQ(failure.kind(), Failure::Kind::give_up);
            EXPECT_EQ(std::string(failure.what()).find("hidden"), std::string::npos);
        }
    }
}
