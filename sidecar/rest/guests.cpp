// See guests.hpp.
#include "rest/guests.hpp"

#include <algorithm>
#include <string>

#include "platform/problem.hpp"

namespace sidecar
{
namespace
{

constexpr std::string_view guest_prefix = "guest:";
constexpr std::size_t shortest_guest = 16;
constexpr std::size_t longest_guest = 128;

bool
is_guest_character(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
}

} // namespace

bool
is_guest(std::string_view user)
{
    return user.starts_with(guest_prefix);
}

std::optional<Caller>
guest_of(const Guests &guests, const Request &request)
{
    const std::string_view id = request.header("x-guest-id");
    if (id.empty() || guests.from == GuestsFrom::nowhere ||
        (guests.from == GuestsFrom::loopback && !request.local))
        return std::nullopt;
    if (id.size() < shortest_guest || id.size() > longest_guest ||
        !std::all_of(id.begin(), id.end(), is_guest_character))
        throw Problem(401, "unauthenticated",
                      "X-Guest-Id must be 16 to 128 characters of A-Z, a-z, 0-9, _ and -");
    Caller caller;
    caller.user = std::string(guest_prefix) + std::string(id);
    caller.may_found = true;
    caller.guest = true;
    caller.guest_quota = guests.quota;
    return caller;
}

} // namespace sidecar
