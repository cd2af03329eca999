// The producer client against a real peer: what broken connections, wrong certificates and odd
// answers come to, and that a secret goes nowhere else.
#include <gtest/gtest.h>

#include "failure.hpp"
#include "json.hpp"
#include "peer.hpp"
#include "producer.hpp"
#include "wipe.hpp"
#include "workspace.hpp"

using namespace sidecar;
using namespace std::chrono_literals;

namespace
{

constexpr const char *dsn = "postgres://u:a-password-of-some-length@h:5432/d?sslmode=require";

Publication
publication(std::int64_t id = 1, std::int64_t version = 1)
{
    Publication made;
    made.host_id = "host";
    made.id = id;
    made.attempt = 3;
    made.version = version;
    made.app_id = made.target = "app 1/x";
    made.producer = "postgres";
    made.set.push_back({"DATABASE_URL", Secret(dsn)});
    return made;
}

struct Client {
    SystemClock clock;
    Producer producer;

    explicit Client(const std::string &url, const std::string &ca = "", Duration call = 5s,
                    const std::string &token = "tok")
        : producer(
              {ProducerUrl(url, "/api/apps/{app_id}/env", false), Secret(token), ca, 2s, call, 8},
              clock)
    {
    }

    // Sends and waits for what comes of it.
    Outcome
    send(const Publication &what)
    {
        producer.start(what);
        for (const auto deadline = clock.now() + 20s; clock.now() < deadline;) {
            for (Finished &finished : producer.collect())
                return std::move(finished.outcome);
            producer.wait({}, 100ms);
        }
        ADD_FAILURE() << "no outcome";
        return {};
    }
};

// A peer with a script and a journal.
struct Scripted {
    Workspace work;
    Peer peer;

    explicit Scripted(const std::string &rules, std::vector<std::string> more = {})
        : peer(arguments(rules, std::move(more)))
    {
    }

    std::vector<std::string>
    arguments(const std::string &rules, std::vector<std::string> more)
    {
        work.write("script", "{\"rules\": [" + rules + "]}");
        more.insert(more.end(), {"--token", "tok", "--script", work.path("script"), "--journal",
                                 work.path("journal")});
        return more;
    }

    std::string
    stored() const
    {
        return shell("curl -s --noproxy '*' " + peer.url() + "/store");
    }
};

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
         {R"("Idempotency-Key": "host-17-3")", R"("Authorization": "Bearer tok")",
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
    stranger.producer.renew(Secret("tok"), "");
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
    const Publication sent = publication();
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
    const Publication slow = publication(1, 1);
    client.producer.start(slow);
    // The first request has to be there before the second.
    const auto deadline = client.clock.now() + 10s;
    while (scripted.work.read("journal").empty() && client.clock.now() < deadline) {
        client.producer.wait({}, 10ms);
        ASSERT_TRUE(client.producer.collect().empty());
    }
    EXPECT_EQ(client.send(publication(2, 2)).verdict, Verdict::stored);
}

// --- certificates --------------------------------------------------------------------------------

namespace
{

// An authority, and a server's certificate by it.
struct Authority {
    Workspace work;

    Authority()
    {
        shell("cd " + work.root.string() +
              " && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
              "-subj /CN=test-ca -keyout ca.key -out ca.pem 2>/dev/null");
    }

    std::string
    path(const std::string &name) const
    {
        return work.path(name);
    }

    // Makes NAME.pem (with its key) for an alternative name, valid for some days; negative: past.
    std::string
    issue(const std::string &name, const std::string &alternative, int days) const
    {
        shell("cd " + work.root.string() +
              " && openssl req -newkey ec -pkeyopt "
              "ec_paramgen_curve:P-256 -nodes -subj /CN=peer -keyout k.pem -out r.pem 2>/dev/null"
              " && echo subjectAltName=" +
              alternative +
              " > ext"
              " && openssl x509 -req -in r.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days " +
              std::to_string(days) +
              " -extfile ext -out c.pem 2>/dev/null"
              " && cat c.pem k.pem > " +
              name + ".pem");
        return path(name + ".pem");
    }
};

Outcome
over_tls(const std::string &certificate, const std::string &ca,
         const std::string &host = "127.0.0.1")
{
    const Scripted scripted("", {"--tls-cert", certificate});
    const Outcome outcome = Client(scripted.peer.url("https", host), ca).send(publication());
    if (outcome.verdict != Verdict::stored) {
        EXPECT_EQ(scripted.work.read("journal"), "");
    }
    return outcome;
}

} // namespace

TEST(ProducerCertificates, OfTheNamedAuthorityAreTaken)
{
    const Authority authority;
    const std::string good = authority.issue("good", "IP:127.0.0.1", 2);
    const Outcome outcome = over_tls(good, authority.path("ca.pem"));
    EXPECT_EQ(outcome.verdict, Verdict::stored) << outcome.error;
}

TEST(ProducerCertificates, ThatAreWrongAreRefusedBeforeAnythingIsSent)
{
    const Authority authority;
    const Authority stranger;
    const std::string ca = authority.path("ca.pem");
    const std::string good = authority.issue("good", "IP:127.0.0.1", 2);
    const std::string other = authority.issue("other", "DNS:other.example", 2);
    const std::string expired = authority.issue("expired", "IP:127.0.0.1", -1);
    const std::string foreign = stranger.issue("foreign", "IP:127.0.0.1", 2);
    const std::pair<std::string, std::string> cases[] = {
        {other, ca}, {expired, ca}, {foreign, ca}, {good, ""}, {good, "/no/such/file"}};
    for (const auto &[certificate, trusted] : cases) {
        const Outcome outcome = over_tls(certificate, trusted);
        EXPECT_EQ(outcome.verdict, Verdict::again) << certificate << " " << trusted;
        EXPECT_FALSE(outcome.maybe_stored) << certificate << " " << trusted;
        EXPECT_NE(outcome.error, "");
    }
}

TEST(ProducerCertificates, OfPlaintextPeersAreMissing)
{
    const Scripted scripted("");
    const Outcome outcome = Client(scripted.peer.url("https")).send(publication());
    EXPECT_EQ(outcome.verdict, Verdict::again);
    EXPECT_FALSE(outcome.maybe_stored);
}
