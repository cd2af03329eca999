// A producer that is checked over HTTP: one request at a time, as the sidecar sends it. Signals
// interrupt it.
#pragma once

#include "base/curl.hpp"
#include "base/signals.hpp"
#include "base/url.hpp"
#include "check_producer/producer.hpp"

namespace sidecar
{

struct HttpProducerSettings {
    ProducerUrl url;
    Secret token;
    std::string ca_file; // empty: the system's authorities; else this file's and no others
    Duration connect_timeout{};
    Duration call_timeout{};
};

class HttpProducer final : public CheckedProducer
{
public:
    // Throws a configuration Failure when the CA file cannot be read. The signals outlive it.
    HttpProducer(HttpProducerSettings settings, const Signals &signals);

    ProducerAnswer send(const ProducerRequest &request) override;
    void pause(Duration time) override;
    bool interrupted() const override;
    void forget_interruption() override;

private:
    Headers headers_of(const ProducerRequest &request) const;
    CURLcode perform(const Easy &easy);
    void wait(Duration time);

    HttpProducerSettings settings_;
    std::string authorities_; // PEM; empty: the system's
    std::string wrong_token_;
    const Signals &signals_;
    bool interrupted_ = false;
    Multi multi_; // keeps connections for the next request
};

} // namespace sidecar
