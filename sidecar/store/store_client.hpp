// Requests to a store: signed with SigV4 by libcurl, carrying a bearer token, or without either.
// Words: a door is a URL of the store (S3, administration); the code is what the store calls its
// refusal, in XML or in JSON, and is what a refusal is judged by, not the status.
// Rules of the signature that libcurl leaves to us: parameters sorted, percent-encoded, each with
// "=", and the hash of the body in a header.
// Answers may hold secrets. They are kept on the heap, which is wiped when it is given back.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/curl.hpp"
#include "base/json.hpp"
#include "base/secret.hpp"
#include "store/object_store.hpp"

namespace sidecar
{

struct StoreRequest {
    enum class Proof { signature, token, none };

    const char *name = ""; // of the call, for metrics and for people
    const char *method = "GET";
    std::string url; // of the door with the path, percent-encoded
    std::vector<std::pair<std::string, std::string>> parameters{};
    std::string body{};
    Proof proof = Proof::signature;
    Duration timeout{}; // 0: that of the settings
};

struct StoreReply {
    bool answered = false;
    long status = 0;
    std::string body{};
    std::string code{};  // of a refusal; empty: the store named none
    std::string error{}; // why there is no answer

    bool
    ok() const
    {
        return answered && status >= 200 && status < 300;
    }
};

// Told of every request that was made: its name, the code (or the status, or "none") and its time.
using StoreObserver = std::function<void(const char *name, const std::string &code, Duration)>;

struct StoreClientSettings {
    std::string access_key;
    Secret secret;      // of the access key, or the token
    std::string region; // of the signature
    std::string ca_file;
    Duration connect_timeout = std::chrono::seconds(5);
    Duration call_timeout = std::chrono::seconds(60); // a gateway may wait 30 s for a sibling
    StoreObserver observer{};
};

class StoreClient
{
public:
    // Throws a configuration Failure when the CA file cannot be read.
    explicit StoreClient(StoreClientSettings settings);

    void
    guard(std::function<bool()> may_begin)
    {
        may_begin_ = std::move(may_begin);
    }

    // Makes a request and waits for the whole answer.
    StoreReply send(const StoreRequest &request);

private:
    void prepare(const StoreRequest &request, Headers &headers);

    StoreClientSettings settings_;
    std::string authorities_;
    std::function<bool()> may_begin_;
    Easy easy_; // kept: its connection is used again
};

// What a refusal, or the lack of an answer, means in general. Calls that know better look at the
// code first.
StoreResult result_of(const StoreRequest &request, const StoreReply &reply);

// The text of the first element of that name in an XML document; empty when there is none.
std::string element_of(std::string_view xml, std::string_view name);

} // namespace sidecar
