// Which servers the producer client trusts, with certificates made for the occasion.
#include <gtest/gtest.h>

#include "base/failure.hpp"
#include "delivery/http_sink_client.hpp"

using namespace over_http;

namespace
{

// An authority, and a server's certificate by it.
struct Authority {
    Workspace work;

    Authority()
    {
        shell("cd " + work.root.string() +
              " && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
              "-subj /CN=test-ca -keyout ca.key -out ca.pem 2>/dev/null"
              " && printf '%s\\n' '[ca]' default_ca=a '[a]' database=issued unique_subject=no "
              "new_certs_dir=. rand_serial=yes default_md=sha256 policy=p '[p]' "
              "commonName=supplied > ca.conf && touch issued");
    }

    std::string
    path(const std::string &name) const
    {
        return work.path(name);
    }

    // Makes NAME.pem (with its key) for an alternative name, valid as the options of `openssl ca`
    // say.
    std::string
    issue(const std::string &name, const std::string &alternative,
          const std::string &valid = "-days 2") const
    {
        shell("cd " + work.root.string() +
              " && openssl req -newkey ec -pkeyopt "
              "ec_paramgen_curve:P-256 -nodes -subj /CN=peer -keyout k.pem -out r.pem 2>/dev/null"
              " && echo subjectAltName=" +
              alternative +
              " > ext"
              " && openssl ca -batch -notext -config ca.conf -cert ca.pem -keyfile ca.key " +
              valid +
              " -in r.pem -extfile ext -out c.pem 2>/dev/null"
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
    const std::string good = authority.issue("good", "IP:127.0.0.1");
    const Outcome outcome = over_tls(good, authority.path("ca.pem"));
    EXPECT_EQ(outcome.verdict, Verdict::stored) << outcome.error;
}

TEST(ProducerCertificates, ThatAreWrongAreRefusedBeforeAnythingIsSent)
{
    const Authority authority;
    const Authority stranger;
    const std::string ca = authority.path("ca.pem");
    const std::string good = authority.issue("good", "IP:127.0.0.1");
    const std::string other = authority.issue("other", "DNS:other.example");
    const std::string expired = authority.issue(
        "expired", "IP:127.0.0.1", "-startdate 20200101000000Z -enddate 20200102000000Z");
    const std::string foreign = stranger.issue("foreign", "IP:127.0.0.1");
    const std::pair<std::string, std::string> cases[] = {
        {other, ca}, {expired, ca}, {foreign, ca}, {good, ""}};
    for (const auto &[certificate, trusted] : cases) {
        const Outcome outcome = over_tls(certificate, trusted);
        EXPECT_EQ(outcome.verdict, Verdict::again) << certificate << " " << trusted;
        EXPECT_FALSE(outcome.maybe_stored) << certificate << " " << trusted;
        EXPECT_NE(outcome.error, "");
    }
}

TEST(ProducerCertificates, InAFileThatCannotBeReadAreAnErrorOfConfiguration)
{
    EXPECT_THROW(Client("https://127.0.0.1:1", "/no/such/file"), Failure);
    const Authority authority;
    Client client("https://127.0.0.1:1", authority.path("ca.pem"));
    EXPECT_THROW(client.producer.renew(tokens_of("tok"), "/no/such/file"), Failure);
}

TEST(ProducerCertificates, OfPlaintextPeersAreMissing)
{
    const Scripted scripted("");
    const Outcome outcome = Client(scripted.peer.url("https")).send(publication());
    EXPECT_EQ(outcome.verdict, Verdict::again);
    EXPECT_FALSE(outcome.maybe_stored);
}
