// The producer client against a real peer: what broken connections and odd answers come to, and
// that a secret goes nowhere else.
#include <gtest/gtest.h>

#include <cstdlib>

#include "delivery/http_sink_client.hpp"

using namespace over_http;

namespace
{

// What one send to a peer with one rule comes to.
Outcome
outcome_of(const std::string &rule, Duration call = 5s)
{
    const Scripted scripted(rule);
    return Client(scripted.peer.url(), "", call).send(publication());
}

} // namespace

TEST(ProducerRequest, HasTheContractsShape)
{
    const Scripted scripted("");
    Client client(scripted.peer.url());
    const Outcome stored = client.send(publication(17, 42));
    EXPECT_EQ(stored.verdict, Verdict::stored) << stored.error;
    EXPECT_EQ(stored.response, R"({"env_keys":["DATABASE_URL"],"version":42})");
    const std::string journal = scripted.work.read("journal");
    for (const char *part :
         {R"("Idempotency-Key": "host-claim-17")", R"("Authorization": "Bearer tok")",
          R"("Content-Type": "application/json")", R"("X-Request-Id": )", R"("app": "app 1/x")"})
        EXPECT_NE(journal.find(part), std::string::npos) << part << journal;
    EXPECT_EQ(journal.find("Expect"), std::string::npos);
    EXPECT_NE(scripted.stored().find(dsn), std::string::npos);
}

TEST(ProducerConnections, AreUsedAgain)
{
    const Scripted scripted("");
    Client client(scripted.peer.url());
    for (int i = 1; i <= 20; i++)
        ASSERT_EQ(client.send(publication(i, i)).verdict, Verdict::stored);
    const Json stats = parse_json(shell("curl -s --noproxy '*' " + scripted.peer.url() + "/stats"));
    EXPECT_EQ(integer_member(stats, "requests"), 20);
    EXPECT_EQ(integer_member(stats, "connections"), 2); // and the one that asks
}

TEST(ProducerAnswers, OfAStaleVersionAndAWrongToken)
{
    const Scripted scripted("");
    Client client(scripted.peer.url());
    ASSERT_EQ(client.send(publication(1, 9)).verdict, Verdict::stored);
    EXPECT_EQ(client.send(publication(2, 8)).verdict, Verdict::stale);
    Client stranger(scripted.peer.url(), "", 5s, "other");
    EXPECT_EQ(stranger.send(publication(3, 10)).verdict, Verdict::unauthorized);
    stranger.producer.renew(tokens_of("tok"), "");
    EXPECT_EQ(stranger.send(publication(3, 10)).verdict, Verdict::stored);
}

TEST(ProducerAnswers, CarryRetryAfter)
{
    const Outcome later = outcome_of(R"({"status": 503, "headers": {"Retry-After": "7"}})");
    EXPECT_EQ(later.verdict, Verdict::again);
    EXPECT_FALSE(later.maybe_stored);
    EXPECT_EQ(later.retry_after, 7s);
}

TEST(ProducerAnswers, ThatEchoTheSecretAreRedacted)
{
    const Outcome refused =
        outcome_of(std::string(R"({"status": 422, "body": {"title": "bad", "detail": "got )") +
                   dsn + R"( from Bearer tok, pw a-password-of-some-length"}})");
    EXPECT_EQ(refused.verdict, Verdict::refused);
    EXPECT_EQ(refused.error, "HTTP 422 bad: got *** from Bearer ***, pw ***");
}

TEST(ProducerAnswers, BeyondTheLimitAreCutAndTheStatusCounts)
{
    const Outcome stored = outcome_of(R"({"huge": 1000000})");
    EXPECT_EQ(stored.verdict, Verdict::stored) << stored.error;
    EXPECT_EQ(stored.response, "");
    // The same answer within the limit is read.
    EXPECT_NE(outcome_of(R"({"huge": 1000})").response, "");
    EXPECT_EQ(outcome_of(R"({"invalid_json": true})").verdict, Verdict::stored);
}

TEST(ProducerRedirects, AreNotFollowed)
{
    const Scripted elsewhere("");
    const Scripted scripted("{\"redirect\": \"" + elsewhere.peer.url() + "/api/apps/x/env\"}");
    const Outcome outcome = Client(scripted.peer.url()).send(publication());
    EXPECT_EQ(outcome.verdict, Verdict::again);
    EXPECT_EQ(outcome.status, 307);
    EXPECT_FALSE(outcome.maybe_stored);
    EXPECT_EQ(elsewhere.work.read("journal"), "");
}

TEST(ProducerProxies, AreNeverUsed)
{
    const Scripted proxy("");
    const Scripted scripted("");
    setenv("http_proxy", proxy.peer.url().c_str(), 1);
    setenv("all_proxy", proxy.peer.url().c_str(), 1);
    const Outcome outcome = Client(scripted.peer.url()).send(publication());
    unsetenv("http_proxy");
    unsetenv("all_proxy");
    EXPECT_EQ(outcome.verdict, Verdict::stored) << outcome.error;
    EXPECT_EQ(proxy.work.read("journal"), "");
}

TEST(ProducerFaults, ARefusedConnectionIsSurelyNotStored)
{
    const Port port(false);
    const Outcome outcome =
        Client("http://127.0.0.1:" + std::to_string(port.number)).send(publication());
    EXPECT_EQ(outcome.verdict, Verdict::again);
    EXPECT_FALSE(outcome.maybe_stored);
    EXPECT_NE(outcome.error, "");
}

TEST(ProducerFaults, AHandshakeThatNeverEndsIsSurelyNotStored)
{
    const Port port(true);
    const Outcome outcome =
        Client("https://127.0.0.1:" + std::to_string(port.number), "", 500ms).send(publication());
    EXPECT_EQ(outcome.verdict, Verdict::again);
    EXPECT_FALSE(outcome.maybe_stored);
}

TEST(ProducerFaults, ASilentPeerMayHaveStored)
{
    const Port port(true);
    const Outcome outcome =
        Client("http://127.0.0.1:" + std::to_string(port.number), "", 500ms).send(publication());
    EXPECT_EQ(outcome.verdict, Verdict::again);
    EXPECT_TRUE(outcome.maybe_stored);
}

TEST(ProducerFaults, AConnectionThatBreaksAfterTheBodyMayHaveStored)
{
    for (const char *rule :
         {R"({"reset": "after_read"})", R"({"reset": "after_store"})", R"({"half": "close"})"}) {
        const Outcome outcome = outcome_of(rule);
        EXPECT_EQ(outcome.verdict, Verdict::again) << rule;
        EXPECT_TRUE(outcome.maybe_stored) << rule;
    }
}

TEST(ProducerFaults, ASlowOrHangingAnswerTimesOutAndMayHaveStored)
{
    for (const char *rule : {R"({"slow": 5, "store_first": true})", R"({"half": "hang"})"}) {
        const Outcome outcome = outcome_of(rule, 700ms);
        EXPECT_EQ(outcome.verdict, Verdict::again) << rule;
        EXPECT_TRUE(outcome.maybe_stored) << rule;
    }
}

TEST(ProducerFaults, ABreakOfAReusedConnectionMayHaveStoredEvenIfLibcurlStartsOver)
{
    const Scripted scripted(R"({"requests": [2, 3, 4, 5, 6, 7, 8], "reset": "after_store"})");
    Client client(scripted.peer.url());
    ASSERT_EQ(client.send(publication(1, 1)).verdict, Verdict::stored);
    const Outcome outcome = client.send(publication(2, 2));
    EXPECT_EQ(outcome.verdict, Verdict::again);
    EXPECT_TRUE(outcome.maybe_stored);
    EXPECT_NE(scripted.stored().find("\"version\": 2"), std::string::npos);
}

TEST(ProducerFaults, AnAbortedSendSaysWhetherTheBodyWasAskedFor)
{
    const Port silent(true);
    Client client("http://127.0.0.1:" + std::to_string(silent.number));
    Publication sent = publication();
    client.producer.start(sent);
    const auto deadline = client.clock.now() + 10s;
    bool maybe_stored = false;
    while (!maybe_stored && client.clock.now() < deadline) {
        client.producer.wait({}, 20ms);
        EXPECT_TRUE(client.producer.collect().empty());
        maybe_stored = client.producer.abort(sent.id);
        if (!maybe_stored)
            client.producer.start(sent);
    }
    EXPECT_TRUE(maybe_stored);
    EXPECT_FALSE(client.producer.abort(sent.id)); // it is gone
}

TEST(ProducerFaults, ASlowAppHoldsUpNoOther)
{
    const Scripted scripted(R"({"requests": [1], "slow": 3})");
    Client client(scripted.peer.url());
    Publication slow = publication(1, 1);
    client.producer.start(slow);
    // The first request has to be there before the second.
    const auto deadline = client.clock.now() + 10s;
    while (scripted.work.read("journal").empty() && client.clock.now() < deadline) {
        client.producer.wait({}, 10ms);
        ASSERT_TRUE(client.producer.collect().empty());
    }
    EXPECT_EQ(client.send(publication(2, 2)).verdict, Verdict::stored);
}
