// What requests to a store make of answers that are refusals, broken, late or none.
#include <gtest/gtest.h>

#include <thread>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "delivery/peer.hpp"
#include "store/rgw_store.hpp"

using namespace sidecar;

namespace
{

// A store that gives each connection the next of its answers, byte for byte, and hangs up.
class ScriptedStore
{
public:
    explicit ScriptedStore(std::vector<std::string> answers) : answers_(std::move(answers))
    {
        fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        if (bind(fd_, reinterpret_cast<sockaddr *>(&address), size) != 0 || listen(fd_, 8) != 0)
            throw std::runtime_error("bind");
        getsockname(fd_, reinterpret_cast<sockaddr *>(&address), &size);
        url = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
        thread_ = std::thread([this] { answer(); });
    }
    ~ScriptedStore()
    {
        shutdown(fd_, SHUT_RDWR);
        thread_.join();
        close(fd_);
    }
    ScriptedStore(const ScriptedStore &) = delete;

    std::string url;
    std::vector<std::string> heads; // of the requests; to be read when the answers have come

private:
    void
    answer()
    {
        for (const std::string &text : answers_) {
            const int client = accept(fd_, nullptr, nullptr);
            if (client < 0)
                return;
            std::string head;
            char part[4096];
            for (ssize_t got = 1; got > 0 && head.find("\r\n\r\n") == std::string::npos;) {
                got = read(client, part, sizeof part);
                if (got > 0)
                    head.append(part, static_cast<std::size_t>(got));
            }
            heads.push_back(head);
            if (send(client, text.data(), text.size(), MSG_NOSIGNAL) < 0 || text.empty()) {
                const linger reset{1, 0};
                setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
            }
            close(client);
        }
    }

    std::vector<std::string> answers_;
    int fd_ = -1;
    std::thread thread_;
};

std::string
answer(const std::string &status, const std::string &body)
{
    return "HTTP/1.1 " + status +
           "\r\nConnection: close\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
           body;
}

std::string
refusal(const std::string &status, const std::string &code)
{
    return answer(status, "{\"Code\":\"" + code + "\",\"RequestId\":\"tx\"}");
}

// As the store tells of a writer that is as it should be.
constexpr const char *user_of_the_bucket = R"({"user_id": "buk-0123456789abc-w",
    "display_name": "buk-0123456789abc-w", "suspended": 0, "max_buckets": -1, "keys": []})";

RgwSettings
settings_for(const std::string &url)
{
    RgwSettings settings;
    settings.admin_url = settings.s3_url = url;
    settings.client.access_key = "AKIAAAAAAAAAAAAAAAAA";
    settings.client.secret = Secret("a secret of the platform");
    settings.client.call_timeout = std::chrono::milliseconds(300);
    return settings;
}

WantedStorage
storage_of()
{
    WantedStorage storage;
    storage.backend = "rgw";
    storage.bucket_name = "notes-1a2b3c";
    storage.principals = {{"buk-0123456789abc-w", Access::writer, {}},
                          {"buk-0123456789abc-r", Access::reader, {}}};
    storage.mint = Mint{"buk-0123456789abc-w", "AKIABBBBBBBBBBBBBBBB"};
    return storage;
}

StoreResult
probe_of(const std::string &answer)
{
    ScriptedStore peer({answer});
    return RgwStore(settings_for(peer.url)).probe();
}

} // namespace

TEST(StoreClient, JudgesARefusalByItsCode)
{
    EXPECT_EQ(probe_of(refusal("403 Forbidden", "SignatureDoesNotMatch")).status,
              StoreStatus::refused);
    const StoreResult skewed = probe_of(refusal("403 Forbidden", "RequestTimeTooSkewed"));
    EXPECT_EQ(skewed.status, StoreStatus::refused);
    EXPECT_NE(skewed.text.find("clock"), std::string::npos) << skewed.text;
    EXPECT_EQ(probe_of(refusal("404 Not Found", "NoSuchUser")).status, StoreStatus::not_found);
    EXPECT_EQ(probe_of(refusal("500 Internal", "UnknownError")).status, StoreStatus::again);
    EXPECT_EQ(probe_of(refusal("503 Busy", "SlowDown")).status, StoreStatus::again);
    EXPECT_EQ(probe_of(refusal("400 Bad", "InvalidArgument")).status, StoreStatus::other);
    EXPECT_EQ(probe_of(answer("403 Forbidden", "<Error><Code>AccessDenied</Code></Error>")).status,
              StoreStatus::refused);
    EXPECT_EQ(probe_of(answer("502 Bad Gateway", "<html><Code>")).status, StoreStatus::again);
}

TEST(StoreClient, TakesABrokenAnswerForNone)
{
    EXPECT_EQ(probe_of("").status, StoreStatus::unreachable);
    EXPECT_EQ(probe_of("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"max").status,
              StoreStatus::unreachable);
    EXPECT_EQ(probe_of(answer("200 OK", "{\"max_buckets\":")).status, StoreStatus::again);
    const Port refusing(false);
    EXPECT_EQ(RgwStore(settings_for("http://127.0.0.1:" + std::to_string(refusing.number)))
                  .probe()
                  .status,
              StoreStatus::unreachable);
}

TEST(StoreClient, GivesUpAStoreThatNeverAnswers)
{
    const Port silent(true);
    EXPECT_EQ(
        RgwStore(settings_for("http://127.0.0.1:" + std::to_string(silent.number))).probe().status,
        StoreStatus::unreachable);
}

TEST(StoreClient, SortsParametersAndTellsNoSecretInAnAddress)
{
    ScriptedStore peer({refusal("409 Conflict", "UserAlreadyExists"),
                        answer("200 OK", user_of_the_bucket),
                        answer("200 OK", R"([{"access_key": "AKIABBBBBBBBBBBBBBBB",
                               "secret_key": "a secret of the app"}])")});
    {
        RgwStore store(settings_for(peer.url));
        const auto key = store.add_key(storage_of());
        ASSERT_TRUE(key.ok()) << key.result.text;
        EXPECT_EQ(key.value.secret.reveal(), "a secret of the app");
    }
    ASSERT_EQ(peer.heads.size(), 3U);
    EXPECT_EQ(peer.heads[0].rfind("PUT /admin/user?access-key=AKIABBBBBBBBBBBBBBBB&"
                                  "display-name=buk-0123456789abc-w&generate-key=true&"
                                  "key-type=s3&max-buckets=-1&"
                                  "uid=buk-0123456789abc-w HTTP/1.1\r\n",
                                  0),
              0U)
        << peer.heads[0];
    EXPECT_EQ(peer.heads[2].rfind("PUT /admin/user?access-key=AKIABBBBBBBBBBBBBBBB&"
                                  "generate-key=true&key=&key-type=s3&"
                                  "uid=buk-0123456789abc-w HTTP/1.1\r\n",
                                  0),
              0U)
        << peer.heads[2];
    for (const std::string &head : peer.heads)
        EXPECT_EQ(head.find("secret"), std::string::npos) << head;
}

TEST(StoreClient, NeedsTheKeyInTheAnswer)
{
    WantedStorage storage = storage_of();
    for (const bool made : {false, true}) {
        storage.made = made;
        ScriptedStore peer(
            {answer("200 OK", made ? user_of_the_bucket : "{}"), answer("200 OK", "[]")});
        RgwStore store(settings_for(peer.url));
        EXPECT_EQ(store.add_key(storage).result.status, StoreStatus::again);
    }
}

TEST(StoreClient, MakesAPrincipalWithItsFirstKeyInOneRequest)
{
    ScriptedStore peer({answer("200 OK", R"({"user_id": "buk-0123456789abc-w", "keys": [
        {"access_key": "AKIABBBBBBBBBBBBBBBB", "secret_key": "a secret of the app"}]})")});
    {
        RgwStore store(settings_for(peer.url));
        const auto key = store.add_key(storage_of());
        ASSERT_TRUE(key.ok()) << key.result.text;
        EXPECT_EQ(key.value.access_key, "AKIABBBBBBBBBBBBBBBB");
        EXPECT_EQ(key.value.secret.reveal(), "a secret of the app");
    }
    EXPECT_EQ(peer.heads.size(), 1U);
}

// A bucket that was made before: the principal is there, and nothing is written that is there.
TEST(StoreClient, WritesNothingButTheKeyWhereAllIsAsItShouldBe)
{
    ScriptedStore peer({answer("200 OK", R"({"owner": "appinfra", "bucket_quota":
                                {"enabled": true, "max_size_kb": 4}})"),
                        answer("200 OK", user_of_the_bucket),
                        refusal("404 Not Found", "NoSuchUser"),
                        answer("200 OK", user_of_the_bucket),
                        answer("200 OK", R"([{"access_key": "AKIABBBBBBBBBBBBBBBB",
                                              "secret_key": "a secret of the app"}])")});
    WantedStorage storage = storage_of();
    storage.made = true;
    storage.quota = 4096;
    std::vector<std::string> mended;
    {
        RgwStore store(settings_for(peer.url));
        EXPECT_TRUE(store.ensure_bucket(storage).ok());
        EXPECT_TRUE(store.ensure_quota(storage, mended).ok());
        EXPECT_TRUE(store.suspend(storage).ok());
        EXPECT_TRUE(store.add_key(storage).ok());
    }
    EXPECT_TRUE(mended.empty());
    ASSERT_EQ(peer.heads.size(), 5U);
    for (std::size_t i = 0; i < 4; i++)
        EXPECT_EQ(peer.heads[i].rfind("GET /admin/", 0), 0U) << peer.heads[i];
}
