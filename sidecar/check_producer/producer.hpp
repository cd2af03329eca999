// What is asked of a producer that is checked, and what it answers; behind an interface, so that a
// test can put a producer of its own there.
#pragma once

#include <string>

#include "base/clock.hpp"
#include "base/secret.hpp"

namespace sidecar
{

// The token that goes with a request.
enum class SentToken { right, wrong, none };

struct ProducerRequest {
    std::string app_id;
    SentToken token = SentToken::right;
    std::string key; // Idempotency-Key
    Secret body;     // empty: a GET
};

struct ProducerAnswer {
    int status = 0;          // 0: no answer came
    std::string error;       // then: why
    bool untrusted = false;  // then: it was there, but TLS failed
    std::string head;        // the lines of the header
    std::string body;        // at most 64 KiB of it
    bool body_cut = false;   // there was more
    std::string retry_after; // the header; empty: none
    Duration took{};
};

class CheckedProducer
{
public:
    virtual ~CheckedProducer() = default;

    // Sends a request and waits for its answer; after an interruption it sends nothing.
    virtual ProducerAnswer send(const ProducerRequest &request) = 0;

    // Waits; an interruption ends it.
    virtual void pause(Duration time) = 0;

    // Says whether somebody wants it to end.
    virtual bool interrupted() const = 0;

    // Forgets an interruption, so that what was set can be unset. The next one counts again.
    virtual void forget_interruption() = 0;
};

} // namespace sidecar
