// What is asked of a Garage, and made of its answers: against a peer that says what Garage's
// sources and its documents say it says. No test here has run against a Garage.
#include <gtest/gtest.h>

#include <thread>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "store/bucket_work.hpp"
#include "store/garage_store.hpp"
#include "store/make_key.hpp"

using namespace sidecar;

namespace
{

// Gives each request the next of its answers, one to a connection, and keeps what was asked.
class RecordedPeer
{
public:
    struct Answer {
        int status;
        std::string body;
    };

    explicit RecordedPeer(std::vector<Answer> answers) : answers_(std::move(answers))
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
        thread_ = std::thread([this] { serve(); });
    }
    ~RecordedPeer()
    {
        end();
    }
    RecordedPeer(const RecordedPeer &) = delete;

    // Ends it; returns the requests that came, each "METHOD TARGET BODY".
    std::vector<std::string>
    end()
    {
        if (thread_.joinable()) {
            shutdown(fd_, SHUT_RDWR);
            thread_.join();
            close(fd_);
        }
        return asked_;
    }

    std::string url;
    std::vector<std::string> heads; // to be read after end()

private:
    void
    serve()
    {
        for (const Answer &answer : answers_) {
            const int client = accept(fd_, nullptr, nullptr);
            if (client < 0)
                return;
            read_request(client);
            const std::string text =
                "HTTP/1.1 " + std::to_string(answer.status) + " Said\r\nConnection: close\r\n" +
                "Content-Length: " + std::to_string(answer.body.size()) + "\r\n\r\n" + answer.body;
            [[maybe_unused]] const ssize_t sent =
                send(client, text.data(), text.size(), MSG_NOSIGNAL);
            close(client);
        }
    }

    void
    read_request(int client)
    {
        std::string text;
        const auto more = [&] {
            char part[4096];
            const ssize_t got = read(client, part, sizeof part);
            if (got > 0)
                text.append(part, static_cast<std::size_t>(got));
            return got > 0;
        };
        while (text.find("\r\n\r\n") == std::string::npos && more()) {
        }
        const std::string head = text.substr(0, text.find("\r\n\r\n"));
        std::size_t length = 0;
        if (const auto at = head.find("Content-Length: "); at != std::string::npos)
            length = std::stoul(head.substr(at + 16));
        while (text.size() < head.size() + 4 + length && more()) {
        }
        heads.push_back(head);
        std::string asked = head.substr(0, head.find(" HTTP/"));
        if (length > 0)
            asked += " " + text.substr(head.size() + 4);
        asked_.push_back(asked);
    }

    std::vector<Answer> answers_;
    std::vector<std::string> asked_;
    int fd_ = -1;
    std::thread thread_;
};

const std::string writer = "buk-0123456789abc-w";
const std::string reader = "buk-0123456789abc-r";

GarageStore
store_at(const RecordedPeer &peer)
{
    GarageSettings settings;
    settings.admin_url = settings.s3_url = peer.url;
    settings.client.secret = Secret("the-admin-token");
    settings.client.call_timeout = std::chrono::seconds(5);
    return GarageStore(std::move(settings));
}

WantedStorage
wanted()
{
    WantedStorage storage;
    storage.backend = "garage";
    storage.bucket_name = "notes-1a2b3c";
    storage.region = "garage";
    storage.principals = {{writer, Access::writer, {{"AKIAPLANNED", true}}},
                          {reader, Access::reader, {}}};
    storage.mint = Mint{writer, "AKIAPLANNED"};
    return storage;
}

// A bucket as GetBucketInfo shows it.
std::string
bucket(const std::string &aliases, const std::string &keys = "", int objects = 0,
       const std::string &max_size = "null", bool website = false)
{
    return R"({"id":"b1d","globalAliases":[)" + aliases + R"(],"websiteAccess":)" +
           (website ? "true" : "false") + R"(,"keys":[)" + keys + R"(],"objects":)" +
           std::to_string(objects) + R"(,"bytes":)" + std::to_string(objects * 10) +
           R"(,"quotas":{"maxSize":)" + max_size + R"(,"maxObjects":null}})";
}

const std::string unmarked = bucket(R"("notes-1a2b3c")");
const std::string marked = bucket(R"("notes-1a2b3c","buk-0123456789abc-w")");
const std::string secret(64, 'a');
const std::string made_key =
    R"({"accessKeyId":"GK31","name":"n","secretAccessKey":")" + secret + R"(","permissions":{}})";

std::string
refusal(const std::string &code)
{
    return R"({"code":")" + code + R"(","message":"m","region":"garage","path":"/"})";
}

const std::string look = "GET /v2/GetBucketInfo?globalAlias=notes-1a2b3c";
const std::string list = "GET /v2/ListKeys";

} // namespace

TEST(GarageStore, MakesAMarkedBucketAndLetsAKeyIntoIt)
{
    RecordedPeer peer({{200, unmarked},
                       {200, unmarked},
                       {200, marked},
                       {200, marked},
                       {200, marked},
                       {200, marked},
                       {200, made_key},
                       {200, marked}});
    {
        GarageStore store = store_at(peer);
        const auto key = make_key(store, wanted());
        ASSERT_TRUE(key.ok()) << key.result.text;
        EXPECT_EQ(key.value.access_key, "GK31");
        EXPECT_EQ(key.value.secret.reveal(), secret);
    }
    EXPECT_EQ(
        peer.end(),
        (std::vector<std::string>{
            R"(POST /v2/CreateBucket {"globalAlias":"notes-1a2b3c"})", look,
            R"(POST /v2/AddBucketAlias {"bucketId":"b1d","globalAlias":"buk-0123456789abc-w"})",
            look, look, look, R"(POST /v2/CreateKey {"name":"buk-0123456789abc-w/AKIAPLANNED"})",
            R"(POST /v2/AllowBucketKey {"bucketId":"b1d","accessKeyId":"GK31",)"
            R"("permissions":{"read":true,"write":true,"owner":false}})"}));
    for (const std::string &head : peer.heads)
        EXPECT_NE(head.find("Authorization: Bearer the-admin-token"), std::string::npos) << head;
}

TEST(GarageStore, GivesAKeyUpThatIsNotLetIn)
{
    RecordedPeer peer({{200, marked}, {200, made_key}, {400, refusal("InvalidRequest")}});
    GarageStore store = store_at(peer);
    const auto key = store.add_key(wanted());
    EXPECT_FALSE(key.ok());
    EXPECT_TRUE(key.result.uncertain) << "a second key of its name would not be told from it";
}

TEST(GarageStore, TakesNoBucketThatWasMadeForSomebodyElse)
{
    const std::string foreign_key = R"({"accessKeyId":"GK9","name":"x","permissions":{}})";
    for (const std::string &seen :
         {bucket(R"("notes-1a2b3c")", foreign_key), bucket(R"("notes-1a2b3c")", "", 3),
          bucket(R"("notes-1a2b3c","buk-fffffffffffff-w")")}) {
        RecordedPeer peer({{409, refusal("BucketAlreadyExists")}, {200, seen}});
        GarageStore store = store_at(peer);
        EXPECT_EQ(store.ensure_bucket(wanted()).status, StoreStatus::name_taken) << seen;
    }
}

TEST(GarageStore, NeverMakesABucketASecondTime)
{
    RecordedPeer peer({{404, refusal("NoSuchBucket")}});
    GarageStore store = store_at(peer);
    WantedStorage storage = wanted();
    storage.made = true;
    EXPECT_EQ(store.ensure_bucket(storage).status, StoreStatus::not_found);
    EXPECT_EQ(peer.end(), std::vector<std::string>{look});
}

TEST(GarageStore, SetsAQuotaAndEndsAWebsite)
{
    RecordedPeer peer({{200, marked},
                       {200, marked},
                       {200, bucket("", "", 0, "4096")},
                       {200, bucket("", "", 0, "4096", true)},
                       {200, marked}});
    GarageStore store = store_at(peer);
    WantedStorage storage = wanted();
    storage.made = true;
    storage.quota = 4096;
    std::vector<std::string> mended;
    EXPECT_TRUE(store.ensure_quota(storage, mended).ok());
    EXPECT_TRUE(store.ensure_quota(storage, mended).ok());
    EXPECT_TRUE(store.ensure_closed(storage, mended).ok());
    EXPECT_EQ(mended, (std::vector<std::string>{"quota", "website"}));
    EXPECT_EQ(
        peer.end(),
        (std::vector<std::string>{
            look, R"(POST /v2/UpdateBucket?id=b1d {"quotas":{"maxSize":4096,"maxObjects":null}})",
            look, look, R"(POST /v2/UpdateBucket?id=b1d {"websiteAccess":{"enabled":false}})"}));
}

TEST(GarageStore, KnowsKeysByTheirAccessKeyOrTheNumberThatWasPlanned)
{
    const std::string keys = R"([{"id":"GK1","name":"buk-0123456789abc-w/AKIAOLD"},)"
                             R"({"id":"GK2","name":"buk-0123456789abc-w/AKIAPLANNED"},)"
                             R"({"id":"GK3","name":"buk-0123456789abc-w/AKIAFORMER"},)"
                             R"({"id":"GK4","name":"another"}])";
    const std::string let_in = R"({"accessKeyId":"GK1"},{"accessKeyId":"GK4"})";
    RecordedPeer peer({{200, keys}, {200, keys}, {200, bucket("", let_in)}});
    GarageStore store = store_at(peer);
    WantedStorage storage = wanted();
    storage.principals[0].keys = {{"GK1", true}, {"AKIAPLANNED", false}};
    const auto seen = store.list_keys(storage);
    ASSERT_TRUE(seen.ok()) << seen.result.text;
    EXPECT_EQ(seen.value[0].access_keys,
              (std::vector<std::string>{"GK1", "AKIAPLANNED", "GK3", "GK4"}))
        << "recorded; planned and lost; of nobody; of somebody else, and let in";
    EXPECT_TRUE(seen.value[1].access_keys.empty());
}

TEST(GarageStore, RemovesAKeyByItsNumberToo)
{
    const std::string keys = R"([{"id":"GK2","name":"buk-0123456789abc-w/AKIAPLANNED"}])";
    RecordedPeer peer({{404, refusal("NoSuchAccessKey")}, {200, keys}, {200, "null"}});
    GarageStore store = store_at(peer);
    EXPECT_TRUE(store.remove_key(wanted(), writer, "AKIAPLANNED").ok());
    EXPECT_EQ(peer.end(), (std::vector<std::string>{"POST /v2/DeleteKey?id=AKIAPLANNED", list,
                                                    "POST /v2/DeleteKey?id=GK2"}));
}

TEST(GarageStore, RemovesEveryKeyOfWhatIsSuspended)
{
    const std::string keys = R"([{"id":"GK1","name":"buk-0123456789abc-w/AKIAOLD"}])";
    RecordedPeer peer({{200, keys}, {200, "null"}, {200, keys}});
    GarageStore store = store_at(peer);
    WantedStorage storage = wanted();
    EXPECT_TRUE(store.suspend(storage).ok()) << "nothing is asked for what goes on";
    storage.suspended = true;
    EXPECT_TRUE(store.suspend(storage).ok());
    EXPECT_EQ(peer.end(), (std::vector<std::string>{list, "POST /v2/DeleteKey?id=GK1", list}));
}

TEST(GarageStore, EmptiesABucketBeforeItIsRemoved)
{
    RecordedPeer peer({{200, bucket(R"("notes-1a2b3c","buk-0123456789abc-w")", "", 2)},
                       {200, "[]"},
                       {200, made_key},
                       {200, marked},
                       {200, "<L><Contents><Key>a&amp;b</Key></Contents>"
                             "<Contents><Key>c</Key></Contents></L>"},
                       {200, "<DeleteResult/>"},
                       {200, "<L></L>"},
                       {200, "null"},
                       {200, "null"},
                       {200, R"([{"id":"GK5","name":"buk-0123456789abc-w/AKIALEFT"}])"},
                       {200, "null"},
                       {200, "[]"}});
    {
        GarageStore store = store_at(peer);
        WantedStorage storage = wanted();
        storage.present = false;
        const StoreResult removed = store.remove_bucket(storage);
        EXPECT_TRUE(removed.ok()) << removed.text;
    }
    const auto asked = peer.end();
    ASSERT_EQ(asked.size(), 12U);
    EXPECT_EQ(asked[4], "GET /notes-1a2b3c?list-type=2&max-keys=1000");
    EXPECT_EQ(asked[5].substr(0, 28), "POST /notes-1a2b3c?delete= <");
    EXPECT_NE(asked[5].find("<Key>a&amp;b</Key></Object><Object><Key>c</Key>"), std::string::npos)
        << asked[5];
    EXPECT_NE(peer.heads[5].find("Credential=GK31/"), std::string::npos) << peer.heads[5];
    EXPECT_EQ(asked[7], "POST /v2/DeleteKey?id=GK31") << "the key of the removal ends with it";
    EXPECT_EQ(asked[8], "POST /v2/DeleteBucket?id=b1d");
    EXPECT_EQ(asked[10], "POST /v2/DeleteKey?id=GK5");
}

TEST(GarageStore, RemovesNothingThatIsWantedOrNotMarked)
{
    RecordedPeer peer({{200, unmarked}});
    GarageStore store = store_at(peer);
    WantedStorage storage = wanted();
    EXPECT_EQ(store.remove_bucket(storage).status, StoreStatus::other);
    storage.present = false;
    EXPECT_EQ(store.remove_bucket(storage).status, StoreStatus::name_taken);
    EXPECT_EQ(peer.end(), std::vector<std::string>{look});
}

TEST(GarageStore, NamesTheBucketsThatAreMarked)
{
    RecordedPeer peer(
        {{200, R"([{"id":"1","globalAliases":["notes-1a2b3c","buk-0123456789abc-w"]},)"
               R"({"id":"2","globalAliases":["somebody-elses"]}])"},
         {403, refusal("AccessDenied")}});
    GarageStore store = store_at(peer);
    EXPECT_EQ(store.bucket_names().value, std::vector<std::string>{"notes-1a2b3c"});
    EXPECT_EQ(store.probe().status, StoreStatus::refused);
}

TEST(GarageStore, IsNoStoreOfAnotherKindsBuckets)
{
    RecordedPeer peer({});
    GarageStore store = store_at(peer);
    WantedStorage storage = wanted();
    storage.backend = "rgw";
    EXPECT_EQ(make_key(store, storage).result.status, StoreStatus::other);
    EXPECT_EQ(do_bucket_work(store, storage).result.status, StoreStatus::other);
    EXPECT_TRUE(peer.end().empty());
}
