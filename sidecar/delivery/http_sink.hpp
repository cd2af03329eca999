// The producer API (contracts/producer-api.md) over HTTP. Many requests run side by side in one
// libcurl multi handle, which keeps connections for reuse.
// Whether a request may have been stored: the body is handed to libcurl by our own callback, so a
// send that ended before the first byte of the body was asked for has surely not been stored.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/curl.hpp"
#include "base/secret.hpp"
#include "base/url.hpp"
#include "delivery/sink.hpp"

namespace sidecar
{

// The producers' bearer tokens; each producer has one of its own.
using Tokens = std::map<std::string, Secret, std::less<>>;

struct HttpSinkSettings {
    ProducerUrl url;
    Tokens tokens;
    std::string ca_file; // empty: the system's authorities; else this file's and no others
    Duration connect_timeout = std::chrono::seconds(5);
    Duration call_timeout = std::chrono::seconds(15);
    std::size_t connections = 8;
};

class HttpSink final : public Sink
{
public:
    // Throws a configuration Failure when the CA file cannot be read.
    HttpSink(HttpSinkSettings settings, const Clock &clock);
    ~HttpSink() override;

    void start(Publication &publication) override;
    bool abort(std::int64_t publication_id) override;
    std::vector<Finished> collect() override;
    void wait(std::span<pollfd> fds, Duration limit) override;

    // From now on sends with these tokens, and only to whom the certificates in this file vouch
    // for; open connections are not used again when they are others. Throws a configuration
    // Failure, and changes nothing, when the file cannot be read.
    void renew(Tokens tokens, const std::string &ca_file);

private:
    struct Transfer;

    Easy take_easy();
    std::string_view token_of(const Publication &publication) const;
    void prepare(Transfer &transfer) const;
    void end(std::map<std::int64_t, std::unique_ptr<Transfer>>::iterator transfer);
    Outcome outcome_of(const Transfer &transfer, CURLcode code) const;

    HttpSinkSettings settings_;
    std::string authorities_; // PEM; empty: the system's
    const Clock &clock_;
    Multi multi_;
    std::vector<Easy> spare_;
    std::map<std::int64_t, std::unique_ptr<Transfer>> transfers_;
    std::vector<Finished> finished_; // those that never got as far as a transfer
};

} // namespace sidecar
