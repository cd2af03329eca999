// What is decided by a request's head alone: the names a browser may use where loopback is trusted.
#include <gtest/gtest.h>

#include "platform/problem.hpp"
#include "rest/api.hpp"

using namespace sidecar;

namespace
{

// An API that nobody serves; it is asked for what it admits.
struct Door {
    explicit Door(ApiSettings settings) : api(std::move(settings), clock, metrics, mcp, status)
    {
    }

    // Returns the status a request is refused with, 0 when it is admitted.
    int
    status_of(const std::string &method, const std::string &target,
              std::map<std::string, std::string, std::less<>> headers)
    {
        Request request;
        request.method = method;
        request.target = target;
        request.headers = std::move(headers);
        request.local = true;
        try {
            api.admit(request);
        } catch (const Problem &problem) {
            return problem.status;
        }
        return 0;
    }

    SystemClock clock;
    Metrics metrics{clock, std::make_shared<DatabaseLogin>()};
    Mcp mcp{{}, clock};
    ServiceStatus status;
    Api api;
};

ApiSettings
trusting()
{
    ApiSettings settings;
    settings.trust_loopback = true;
    settings.names = {{"box.example"}, {"https://console.example", "http://localhost:6274"}};
    settings.rate = 0;
    return settings;
}

// A target that fits the pattern of a path.
std::string
target_for(std::string path)
{
    for (std::size_t at = path.find('{'); at != std::string::npos; at = path.find('{'))
        path.replace(at, path.find('}') - at + 1, "x");
    return path;
}

const std::map<std::string, std::string, std::less<>> user = {{"x-user-email", "u@example.com"}};

std::map<std::string, std::string, std::less<>>
from(const std::string &host, const std::string &origin = "")
{
    auto headers = user;
    headers["host"] = host;
    if (!origin.empty())
        headers["origin"] = origin;
    return headers;
}

} // namespace

TEST(TrustedLoopback, IsReachedByNoForeignNameOnAnyRoute)
{
    Door door(trusting());
    ASSERT_GT(routes().size(), 10u);
    for (const Route &route : routes()) {
        const std::string target = target_for(route.path);
        const auto status = [&](const std::string &host, const std::string &origin = "") {
            return door.status_of(route.method, target, from(host, origin));
        };
        const int usual = route.access == Audience::admins ? 403 : 0;
        EXPECT_EQ(status("evil.example"), 403) << route.operation;
        EXPECT_EQ(status("evil.example:27942", "http://evil.example:27942"), 403)
            << route.operation;
        EXPECT_EQ(status("localhost:27942", "http://evil.example:27942"), 403) << route.operation;
        EXPECT_EQ(status("localhost:27942", "null"), 403) << route.operation;
        EXPECT_EQ(status("localhost:27942"), usual) << route.operation;
        EXPECT_EQ(status("[::1]:27942", "https://console.example"), usual) << route.operation;
        EXPECT_EQ(status("Box.Example:80", "http://localhost:6274"), usual) << route.operation;
    }
    EXPECT_EQ(door.status_of("GET", "/nothing", from("evil.example")), 403);
}

TEST(TrustedLoopback, KnowsTricksWithNames)
{
    Door door(trusting());
    for (const char *host :
         {"", "localhost.evil.example", "localhost@evil.example", "localhost:80@evil.example",
          "evil.example/localhost", "127.0.0.1.evil.example", "127.1", "[::1", "[::1]x",
          "localhost,", "box.example.", "xbox.example"})
        EXPECT_EQ(door.status_of("GET", "/healthz", from(host)), 403) << host;
    EXPECT_EQ(door.status_of("GET", "/healthz", user), 403) << "no Host at all";
    for (const char *origin :
         {"http://localhost", "http://localhost:6275", "https://localhost:6274",
          "https://console.example.evil.example", "https://console.example:444"})
        EXPECT_EQ(door.status_of("GET", "/healthz", from("localhost", origin)), 403) << origin;
}

TEST(UntrustedLoopback, MindsOriginsAtMcpOnly)
{
    ApiSettings settings = trusting();
    settings.trust_loopback = false;
    Door door(std::move(settings));
    EXPECT_EQ(door.status_of("GET", "/healthz", from("api.example", "http://evil.example")), 0);
}

TEST(Guests, AreLetInByTheirHeaderOnTheRoutesOfBucketsOnly)
{
    ApiSettings settings;
    settings.rate = 0;
    settings.guests.from = GuestsFrom::loopback;
    Door door(std::move(settings));
    const std::map<std::string, std::string, std::less<>> guest = {
        {"x-guest-id", "abcdefgh-IJKLMN_0"}};
    for (const Route &route : routes()) {
        const bool open = route.is_of_buckets() || route.access == Audience::everyone;
        EXPECT_EQ(door.status_of(route.method, target_for(route.path), guest), open ? 0 : 401)
            << route.operation;
    }
    for (const std::string &id :
         {std::string("short"), std::string(129, 'x'), std::string("abcdefghijklmnop;"),
          std::string("with a blank in it")})
        EXPECT_EQ(door.status_of("GET", "/api/app-infra/buckets", {{"x-guest-id", id}}), 401) << id;
    auto both = guest;
    both["authorization"] = "Bearer x";
    EXPECT_EQ(door.status_of("GET", "/api/app-infra/buckets", both), 401);
}

TEST(Guests, AreLetInFromWhereTheSettingSays)
{
    const Request near{"GET", "/", {{"x-guest-id", "abcdefghijklmnop"}}, "", true, true, "", ""};
    Request far = near;
    far.local = false;
    EXPECT_FALSE(guest_of({GuestsFrom::nowhere, 1}, near));
    EXPECT_TRUE(guest_of({GuestsFrom::loopback, 1}, near));
    EXPECT_FALSE(guest_of({GuestsFrom::loopback, 1}, far));
    const auto caller = guest_of({GuestsFrom::anywhere, 7}, far);
    ASSERT_TRUE(caller);
    EXPECT_EQ(caller->user, "guest:abcdefghijklmnop");
    EXPECT_EQ(caller->guest_quota, 7);
    EXPECT_TRUE(caller->guest);
    EXPECT_FALSE(caller->admin);
}

TEST(Guests, AreNobodyWhomATrustedHeaderNames)
{
    Door door(trusting());
    auto headers = from("localhost");
    headers["x-user-email"] = "guest:abcdefghijklmnop";
    EXPECT_EQ(door.status_of("GET", "/api/app-infra/buckets", headers), 401);
}

TEST(Guests, AreLimitedByTheirAddressWhateverTheyCallThemselves)
{
    ApiSettings settings;
    settings.rate = 0.001;
    settings.burst = 3;
    settings.guests.from = GuestsFrom::anywhere;
    Door door(std::move(settings));
    const auto status = [&](int number) {
        return door.status_of("GET", "/api/app-infra/buckets",
                              {{"x-guest-id", "abcdefghijklmno" + std::to_string(number)}});
    };
    for (int i = 0; i < 3; i++)
        EXPECT_EQ(status(i), 0);
    EXPECT_EQ(status(4), 429);
}
