// Guests: callers without an account, known by an identifier that they chose. They may have a few
// small buckets, and nothing of theirs is published.
#pragma once

#include <optional>
#include <string>

#include "platform/use_case.hpp"

namespace sidecar::use_cases
{

constexpr int max_guest_buckets = 3;
constexpr int max_guest_apps = 3;

// Makes sure, in the transaction that is open, that a guest may have one bucket more; an app that
// nobody has registered becomes the guest's.
void admit_guest(Database &database, const Caller &caller, const std::string &app_id,
                 bool registered);

// The quota a request asks for, as a parameter; a guest's is bounded. Nothing: the host's.
std::optional<std::string> quota_of(const Caller &caller, const Input &input);

} // namespace sidecar::use_cases
