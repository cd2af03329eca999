// What the gateway takes from a request's headers: its id, the Idempotency-Key, the client's
// address, and how an answer tells of the rate limit.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "platform/message.hpp"

namespace sidecar::gateway
{

// Returns the request's own id when it is 1 to 64 of [A-Za-z0-9._-], else a new one of 32 hex
// digits.
std::string request_id_of(const Request &request);

// Returns the Idempotency-Key; nothing when there is none. Throws a Problem when it is not 1 to 255
// printable characters of ASCII.
std::optional<std::string> idempotency_key_of(const Request &request);

// Returns the key, which came in whichever way. Throws the same.
std::string checked_idempotency_key(const std::string &key);

// Returns the SHA-256 of method, path and body, as PostgreSQL reads it: what makes two requests
// with the same Idempotency-Key the same one. Empty without such a key.
std::string request_hash_of(const Request &request);

// Returns the client's address: the peer's, or with trust_proxy, when the peer is local, what its
// X-Real-Ip or the first of its X-Forwarded-For says, as far as that is an address.
std::string client_address_of(const Request &request, std::string_view peer, bool trust_proxy);

} // namespace sidecar::gateway
