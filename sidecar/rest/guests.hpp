// Guests of the API: callers who have no token, only an identifier of their own choice in the
// header X-Guest-Id. It is no secret: whoever knows it is that guest.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "platform/caller.hpp"
#include "platform/message.hpp"

namespace sidecar
{

// From where guests are let in.
enum class GuestsFrom { nowhere, loopback, anywhere };

struct Guests {
    GuestsFrom from = GuestsFrom::nowhere;
    std::int64_t quota = 100LL << 20; // bytes of a bucket
};

// Whether a user is a guest; nobody else may be called so.
bool is_guest(std::string_view user);

// Returns the guest who makes the request; nothing when it names none, or none is let in from
// there. Throws unauthenticated when it names one by what is no identifier.
std::optional<Caller> guest_of(const Guests &guests, const Request &request);

} // namespace sidecar
