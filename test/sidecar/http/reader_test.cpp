// Requests out of bytes: whole, in pieces, one after another, and what is refused.
#include <gtest/gtest.h>

#include "http/reader.hpp"
#include "platform/problem.hpp"

using namespace sidecar;

namespace
{

// Feeds the text in pieces of a size; returns what was not used.
std::string
feed(HttpReader &reader, const std::string &text, std::size_t piece)
{
    std::string unread;
    for (std::size_t at = 0; at < text.size(); at += piece) {
        unread += text.substr(at, piece);
        unread.erase(0, reader.feed(unread));
    }
    return unread;
}

int
refusal_of(const std::string &text)
{
    HttpReader reader;
    try {
        feed(reader, text, text.size());
    } catch (const Problem &problem) {
        return problem.status;
    }
    return 0;
}

const std::string post = "POST /a?b=c HTTP/1.1\r\nHost: h\r\nX-One: 1\r\n";

} // namespace

TEST(HttpReader, ReadsARequestHoweverItIsCut)
{
    const std::string text = post + "Content-Length: 5\r\n\r\nhello";
    for (std::size_t piece = 1; piece <= text.size(); piece++) {
        HttpReader reader;
        EXPECT_EQ(feed(reader, text, piece), "");
        ASSERT_EQ(reader.state(), HttpReader::State::done) << piece;
        EXPECT_EQ(reader.request().method, "POST");
        EXPECT_EQ(reader.request().target, "/a?b=c");
        EXPECT_EQ(reader.request().header("x-one"), "1");
        EXPECT_EQ(reader.request().body, "hello");
        EXPECT_TRUE(reader.request().keep_alive);
    }
}

TEST(HttpReader, ReadsChunksHoweverTheyAreCut)
{
    const std::string text =
        post + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n";
    for (std::size_t piece = 1; piece <= text.size(); piece++) {
        HttpReader reader;
        EXPECT_EQ(feed(reader, text, piece), "");
        ASSERT_EQ(reader.state(), HttpReader::State::done) << piece;
        EXPECT_EQ(reader.request().body, "abcde");
    }
}

TEST(HttpReader, LeavesTheNextRequestAlone)
{
    HttpReader reader;
    const std::string next = "GET /next HTTP/1.1\r\n";
    EXPECT_EQ(feed(reader, post + "Content-Length: 2\r\n\r\nhi" + next, 4096), next);
}

TEST(HttpReader, StopsAfterTheHead)
{
    HttpReader reader;
    feed(reader, post + "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n", 4096);
    EXPECT_EQ(reader.state(), HttpReader::State::body);
    EXPECT_TRUE(reader.expects_continue());
}

TEST(HttpReader, RefusesWhatCanBeUnderstoodInTwoWays)
{
    EXPECT_EQ(refusal_of(post + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"), 400);
    EXPECT_EQ(refusal_of(post + "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n"), 400);
    EXPECT_EQ(refusal_of(post + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n"), 400);
    EXPECT_EQ(refusal_of(post + "Content-Length: 1\r\nContent-Length: 1\r\n\r\n"), 400);
    EXPECT_EQ(refusal_of(post + "Transfer-Encoding: gzip, chunked\r\n\r\n"), 400);
    EXPECT_EQ(refusal_of(post + "Host: other\r\n\r\n"), 400);
    EXPECT_EQ(refusal_of(post + "Authorization: a\r\nAuthorization: b\r\n\r\n"), 400);
    EXPECT_EQ(refusal_of("GET / HTTP/1.1\r\n\r\n"), 400);
    EXPECT_EQ(refusal_of(post + "\r\n"), 0);
}

TEST(HttpReader, HasLimits)
{
    EXPECT_EQ(refusal_of(post + "A: " + std::string(max_header, 'x') + "\r\n\r\n"), 431);
    EXPECT_EQ(refusal_of(post + "Content-Length: " + std::to_string(max_body + 1) + "\r\n\r\n"),
              413);
    std::string many = post;
    while (many.size() <= max_header)
        many += "A: b\r\n";
    EXPECT_EQ(refusal_of(many + "\r\n"), 431);
    // Beast calls this a bad request from Boost 1.92 on, and a header too large before.
    const auto chunk = refusal_of(post + "Transfer-Encoding: chunked\r\n\r\n1;" +
                                  std::string(max_header + 1, 'x'));
    EXPECT_TRUE(chunk == 400 || chunk == 431) << chunk;
}

TEST(HttpResponse, SaysItsLengthAndWhetherItMayBeStored)
{
    const std::string text =
        response_text({200, "{}", "application/json", true, {{"A", "b"}}}, true);
    EXPECT_EQ(text.substr(0, 17), "HTTP/1.1 200 OK\r\n");
    EXPECT_NE(text.find("\r\nContent-Length: 2\r\n"), std::string::npos);
    EXPECT_NE(text.find("\r\nCache-Control: no-store\r\n"), std::string::npos);
    EXPECT_NE(text.find("\r\nA: b\r\n"), std::string::npos);
    EXPECT_EQ(text.find("Connection:"), std::string::npos);
    EXPECT_NE(response_text({404, "", "", false, {}}, false).find("\r\nConnection: close\r\n"),
              std::string::npos);
}
