// Bearer tokens: JSON HttpServer Tokens of HS256, RS256 or ES256, verified against keys from files.
// The rule a reader must know: a key is only ever used with the algorithm of its own kind, whatever
// the token's header says, so that a public key never serves as an HMAC secret.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/secret.hpp"
#include "platform/caller.hpp"

namespace sidecar
{

inline constexpr const char *admin_scope = "appinfra:admin";

struct TokenKey {
    std::string algorithm; // "HS256", "RS256" or "ES256"
    Secret key;            // the secret, or the public key as PEM
};

struct TokenSettings {
    std::vector<TokenKey> keys;
    std::string issuer;   // empty: any
    std::string audience; // empty: any
};

// The key in a file: a PEM public key (RSA of at least 2048 bits: RS256; EC P-256: ES256), else a
// secret of at least 32 bytes for HS256. Throws a configuration Failure that quotes nothing of it.
TokenKey token_key_of(const std::string &path);

// Whose token this is. Throws a Problem, 401, whose detail says what is wrong with it.
Caller verify_token(const TokenSettings &settings, std::string_view token, WallTime now);

} // namespace sidecar
