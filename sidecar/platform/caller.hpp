// Who asks, as the token, the trusted header or APPINFRA_USER says.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sidecar
{

struct Caller {
    std::string user;
    bool admin = false;           // sees and changes everything, else only what is the user's own
    std::string apps = {};        // the apps that the token names, as a JSON list; empty: none
    bool may_found = false;       // an app that is nobody's yet is the first one's who asks
    bool guest = false;           // has no account, only an identifier of its own choice
    std::int64_t guest_quota = 0; // bytes of a guest's bucket
};

// Whether this can be a user: 1 to 320 bytes, printable, as owner_user_id has to be.
inline bool
is_user(std::string_view user)
{
    for (const char c : user)
        if (static_cast<unsigned char>(c) < ' ' || c == '\x7f')
            return false;
    return !user.empty() && user.size() <= 320;
}

} // namespace sidecar
