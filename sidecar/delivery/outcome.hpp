// What came of one send to a sink, in the terms the delivery acts on, and the contract's table
// from an HTTP answer to it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"

namespace sidecar
{

enum class Verdict {
    stored,       // done
    stale,        // something newer is stored
    refused,      // this publication will not be taken
    unauthorized, // our configuration is wrong
    again,        // not now
    lost,         // the claim is no longer ours
    renew,        // not under this claim, but under another
};

// Who said that our configuration is wrong.
enum class Refuser { nobody, producer, store };

struct Outcome {
    Verdict verdict = Verdict::again;
    bool maybe_stored = false; // nobody can tell whether the producer kept it
    int status = 0;            // HTTP status, 0 without one
    std::string error;         // redacted, 512 bytes at most
    std::string response;      // JSON for complete_publication, built from checked fields; or empty
    std::optional<Duration> retry_after;
    Refuser refuser = Refuser::producer; // when unauthorized
};

// An HTTP answer that arrived whole. body is empty when it was cut off. The error of the outcome
// is raw: the caller redacts it.
Outcome classify_answer(int status, std::string_view body);

// {"env_keys": [...], "version": n} from the fields of an answer's body that are what they should
// be, or an empty text when none is.
std::string checked_response(std::string_view body);

} // namespace sidecar
