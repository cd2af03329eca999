// The text of an API key: acd_<env>_<key_id>_<secret>. It is taken apart by position, because the
// alphabet of its parts has the underscore, too.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/secret.hpp"

namespace sidecar
{

struct ApiKey {
    std::string env;
    std::string id;
    std::string secret_hash; // SHA-256 of the secret, as PostgreSQL reads it: \x and hex
};

// Returns the parts of a key; nothing when its length or alphabet is another.
std::optional<ApiKey> parse_api_key(std::string_view text);

// Returns the key that an Authorization header carries: behind the scheme Bearer, or alone.
std::string_view key_in_header(std::string_view header);

} // namespace sidecar
