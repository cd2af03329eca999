// A producer client and a scripted peer for it, for the tests that send over real sockets.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/json.hpp"
#include "base/workspace.hpp"
#include "delivery/http_sink.hpp"
#include "delivery/peer.hpp"

namespace over_http
{

using namespace sidecar;
using namespace std::chrono_literals;

inline constexpr const char *dsn =
    "postgres://u:a-password-of-some-length@h:5432/d?sslmode=require";

inline Publication
publication(std::int64_t id = 1, std::int64_t version = 1)
{
    Publication made;
    made.host_id = "host";
    made.id = id;
    made.claim = "claim-" + std::to_string(id);
    made.attempt = 3;
    made.version = version;
    made.app_id = made.target = "app 1/x";
    made.producer = "postgres";
    made.set.push_back({"DATABASE_URL", Secret(dsn)});
    return made;
}

inline Tokens
tokens_of(const std::string &token)
{
    Tokens tokens;
    tokens.emplace("postgres", Secret(token));
    return tokens;
}

struct Client {
    SystemClock clock;
    HttpSink producer;

    explicit Client(const std::string &url, const std::string &ca = "", Duration call = 5s,
                    const std::string &token = "tok")
        : producer({ProducerUrl(url, "/api/apps/{app_id}/env", false), tokens_of(token), ca, 2s,
                    call, 8},
                   clock)
    {
    }

    // Sends and waits for what comes of it.
    Outcome
    send(Publication what)
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

} // namespace over_http
