// See jwt.hpp.
#include "rest/jwt.hpp"

#include <algorithm>
#include <memory>
#include <optional>

#include <jwt.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "base/failure.hpp"
#include "base/json.hpp"
#include "base/process.hpp"
#include "platform/problem.hpp"

namespace sidecar
{
namespace
{

constexpr std::chrono::seconds leeway{60};
constexpr std::size_t shortest_secret = 32;
constexpr std::size_t max_token = 8192;
constexpr int shortest_rsa = 2048;

struct JwtRelease {
    void
    operator()(jwt_t *token) const
    {
        jwt_free(token);
    }
};
struct KeyRelease {
    void
    operator()(EVP_PKEY *key) const
    {
        EVP_PKEY_free(key);
    }
};
struct BioRelease {
    void
    operator()(BIO *bio) const
    {
        BIO_free(bio);
    }
};
using Jwt = std::unique_ptr<jwt_t, JwtRelease>;
using Key = std::unique_ptr<EVP_PKEY, KeyRelease>;

Problem
unauthenticated(const std::string &why)
{
    return {401, "unauthenticated", why};
}

// The algorithm that goes with a PEM public key.
std::string
algorithm_of(std::string_view pem, const std::string &path)
{
    const std::unique_ptr<BIO, BioRelease> bio(
        BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    const Key key(PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr));
    const auto refuse = [&](const char *why) {
        return Failure(Failure::Kind::configuration, "key file \"" + path + "\": " + why);
    };
    if (!key)
        throw refuse("not a PEM public key (BEGIN PUBLIC KEY)");
    if (EVP_PKEY_get_base_id(key.get()) == EVP_PKEY_RSA) {
        if (EVP_PKEY_get_bits(key.get()) < shortest_rsa)
            throw refuse("an RSA key needs 2048 bits at least");
        return "RS256";
    }
    char curve[64] = "";
    if (EVP_PKEY_get_base_id(key.get()) == EVP_PKEY_EC &&
        EVP_PKEY_get_group_name(key.get(), curve, sizeof curve, nullptr) == 1 &&
        std::string_view(curve) == "prime256v1")
        return "ES256";
    throw refuse("neither an RSA key nor one of the curve P-256");
}

// Returns the document in a part of the token: 0 is the header, 1 are the claims. Null when there
// is none, and when a member stands there twice, because two readers may take different ones.
Json
part_of(std::string_view token, int number)
{
    for (int i = 0; i < number; i++)
        token.remove_prefix(std::min(token.find('.'), token.size() - 1) + 1);
    const std::string_view encoded = token.substr(0, token.find('.'));
    std::string text(encoded);
    for (char &c : text)
        c = c == '-' ? '+' : c == '_' ? '/' : c;
    text.append((4 - text.size() % 4) % 4, '=');
    std::string decoded(text.size(), '\0');
    const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char *>(decoded.data()),
                                     reinterpret_cast<const unsigned char *>(text.data()),
                                     static_cast<int>(text.size()));
    if (size < 0)
        return nullptr;
    // The block decoder counts what padding stands for.
    decoded.resize(static_cast<std::size_t>(size) - (text.size() - encoded.size()));
    return parse_json(decoded);
}

// The token, verified by one of the keys of its algorithm.
Jwt
decode(const TokenSettings &settings, const std::string &algorithm, const std::string &token)
{
    for (const TokenKey &key : settings.keys) {
        if (key.algorithm != algorithm)
            continue;
        jwt_t *decoded = nullptr;
        const int error = jwt_decode(&decoded, token.c_str(),
                                     reinterpret_cast<const unsigned char *>(key.key.c_str()),
                                     static_cast<int>(key.key.size()));
        Jwt jwt(decoded);
        if (error == 0 && jwt && jwt_get_alg(jwt.get()) == jwt_str_alg(algorithm.c_str()))
            return jwt;
    }
    return nullptr;
}

std::optional<double>
number_member(const Json &claims, const char *name)
{
    const json_t *value = json_object_get(claims.get(), name);
    if (value == nullptr)
        return std::nullopt;
    if (!json_is_number(value))
        throw unauthenticated("the token's \"" + std::string(name) + "\" is not a number");
    return json_number_value(value);
}

// Whether a claim is this text, or a list with it.
bool
names(const json_t *claim, const std::string &wanted)
{
    std::size_t index;
    const json_t *one;
    json_array_foreach(claim, index, one)
    {
        if (json_is_string(one) && wanted == json_string_value(one))
            return true;
    }
    return json_is_string(claim) && wanted == json_string_value(claim);
}

bool
has_admin_scope(const Json &claims)
{
    const json_t *scope = json_object_get(claims.get(), "scope");
    if (!json_is_string(scope))
        return names(scope, admin_scope);
    const std::string padded = " " + std::string(json_string_value(scope)) + " ";
    return padded.find(" " + std::string(admin_scope) + " ") != std::string::npos;
}

void
check_times(const Json &claims, WallTime now)
{
    const double seconds = std::chrono::duration<double>(now.time_since_epoch()).count();
    const double slack = leeway.count();
    const auto expiry = number_member(claims, "exp");
    if (!expiry)
        throw unauthenticated("the token has no \"exp\"");
    if (!(seconds < *expiry + slack))
        throw unauthenticated("the token has expired");
    if (const auto start = number_member(claims, "nbf"); start && !(seconds >= *start - slack))
        throw unauthenticated("the token is not valid yet");
}

// Returns the claim "apps" as JSON text, "" when there is none.
std::string
apps_of(const Json &claims)
{
    json_t *apps = json_object_get(claims.get(), "apps");
    if (apps == nullptr)
        return "";
    std::size_t index;
    const json_t *one;
    bool texts = json_is_array(apps);
    json_array_foreach(apps, index, one) texts = texts && json_is_string(one);
    if (!texts)
        throw unauthenticated("the token's \"apps\" is not a list of texts");
    return json_text(Json(json_incref(apps)));
}

Caller
caller_of(const Json &claims)
{
    auto user = string_member(claims, "email");
    if (!user)
        user = string_member(claims, "sub");
    if (!user || !is_user(*user))
        throw unauthenticated("the token names no user (\"email\" or \"sub\")");
    return {*user, has_admin_scope(claims), apps_of(claims)};
}

} // namespace

TokenKey
token_key_of(const std::string &path)
{
    Secret key = secret_from_file(path);
    if (key.reveal().starts_with("-----BEGIN"))
        return {algorithm_of(key.reveal(), path), std::move(key)};
    if (key.size() < shortest_secret)
        throw Failure(Failure::Kind::configuration,
                      "key file \"" + path + "\": a secret for HS256 needs 32 bytes at least");
    return {"HS256", std::move(key)};
}

Caller
verify_token(const TokenSettings &settings, std::string_view token, WallTime now)
{
    if (token.size() > max_token)
        throw unauthenticated("the token is too long");
    const Json header = part_of(token, 0);
    const auto algorithm = header ? string_member(header, "alg") : std::nullopt;
    if (!algorithm || json_object_get(header.get(), "crit") != nullptr)
        throw unauthenticated("the token is malformed");
    const Jwt jwt = decode(settings, *algorithm, std::string(token));
    if (!jwt)
        throw unauthenticated("the token's signature is not valid");
    // libjwt would give the last of two members of one name.
    const Json claims = part_of(token, 1);
    if (!json_is_object(claims.get()))
        throw unauthenticated("the token is malformed");
    check_times(claims, now);
    if (!settings.issuer.empty() && !names(json_object_get(claims.get(), "iss"), settings.issuer))
        throw unauthenticated("the token is of another issuer");
    if (!settings.audience.empty() &&
        !names(json_object_get(claims.get(), "aud"), settings.audience))
        throw unauthenticated("the token is for another audience");
    return caller_of(claims);
}

} // namespace sidecar
