/* Passwords, verifiers, random ids and digests. See secrets.hpp. */
#include "base/secrets.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace appinfra::secrets
{

/* What a secret has beside letters and digits: as it is, percent-encoded, and as base64. */
constexpr char word_characters[] = "-_%+";
constexpr char base64_characters[] = "-_%+/";

static int secret_at(const char *text);
static int run_of(const char *text, const char *others);
static void fill_random(void *to, size_t bytes);
static char *base64(std::span<const uint8> bytes);
static void append_hex(StringInfo to, std::span<const uint8> bytes);

void
mint(Password *password)
{
    static_assert(password_bytes / 3 * 4 == password_length && password_bytes % 3 == 0);
    mint_text(password->text, password_length);
}

void
mint_text(char *to, int characters)
{
    static constexpr char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint8 raw[password_bytes];
    int bytes = characters / 4 * 3;

    Assert(characters % 4 == 0 && bytes <= password_bytes);
    fill_random(raw, bytes);
    for (int i = 0; i < bytes; i += 3) {
        uint32 group = raw[i] << 16 | raw[i + 1] << 8 | raw[i + 2];

        for (int shift = 18; shift >= 0; shift -= 6)
            *to++ = alphabet[(group >> shift) & 63];
    }
    *to = '\0';
    explicit_bzero(raw, sizeof(raw));
}

void
wipe(Password *password)
{
    explicit_bzero(password->text, sizeof(password->text));
}

/*
 * As pg_be_scram_build_secret() does, with the key derivation of OpenSSL, which takes a third of
 * the time. The text is base64url, so SASLprep has nothing to change in it.
 */
char *
verifier(const Password *password, int iterations)
{
    using Digest = std::array<uint8, PG_SHA256_DIGEST_LENGTH>;
    std::array<uint8, SCRAM_DEFAULT_SALT_LEN> salt;
    Digest salted, client_key, stored_key, server_key;
    const EVP_MD *sha256 = EVP_sha256();
    auto hmac = [&](std::string_view text, Digest *to) {
        return HMAC(sha256, salted.data(), salted.size(),
                    reinterpret_cast<const uint8 *>(text.data()), text.size(), to->data(),
                    nullptr) != nullptr;
    };

    fill_random(salt.data(), salt.size());
    if (PKCS5_PBKDF2_HMAC(password->text, password_length, salt.data(), salt.size(), iterations,
                          sha256, salted.size(), salted.data()) != 1 ||
        !hmac("Client Key", &client_key) || !hmac("Server Key", &server_key) ||
        EVP_Digest(client_key.data(), client_key.size(), stored_key.data(), nullptr, sha256,
                   nullptr) != 1)
        ereport(ERROR,
                (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not compute a SCRAM verifier")));
    explicit_bzero(salted.data(), salted.size());
    explicit_bzero(client_key.data(), client_key.size());
    return psprintf("SCRAM-SHA-256$%d:%s$%s:%s", iterations, base64(salt), base64(stored_key),
                    base64(server_key));
}

bytea *
sha256(std::string_view text)
{
    auto *digest = static_cast<bytea *>(palloc(VARHDRSZ + PG_SHA256_DIGEST_LENGTH));

    SET_VARSIZE(digest, VARHDRSZ + PG_SHA256_DIGEST_LENGTH);
    if (EVP_Digest(text.data(), text.size(), reinterpret_cast<uint8 *>(VARDATA(digest)), nullptr,
                   EVP_sha256(), nullptr) != 1)
        ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not compute a digest")));
    return digest;
}

char *
random_hex(int bytes)
{
    auto *raw = static_cast<uint8 *>(palloc(bytes));
    StringInfoData hex;

    fill_random(raw, bytes);
    initStringInfo(&hex);
    append_hex(&hex, {raw, static_cast<size_t>(bytes)});
    return hex.data;
}

char *
sha256_hex(std::string_view text, int characters)
{
    uint8 digest[PG_SHA256_DIGEST_LENGTH];
    pg_cryptohash_ctx *hash = pg_cryptohash_create(PG_SHA256);
    StringInfoData hex;

    if (hash == nullptr || pg_cryptohash_init(hash) < 0 ||
        pg_cryptohash_update(hash, reinterpret_cast<const uint8 *>(text.data()), text.size()) < 0 ||
        pg_cryptohash_final(hash, digest, sizeof(digest)) < 0)
        ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not compute SHA-256")));
    pg_cryptohash_free(hash);
    initStringInfo(&hex);
    append_hex(&hex, digest);
    hex.data[characters] = '\0';
    return hex.data;
}

pg_uuid_t *
random_uuid()
{
    auto *uuid = static_cast<pg_uuid_t *>(palloc(sizeof(pg_uuid_t)));

    fill_random(uuid->data, UUID_LEN);
    uuid->data[6] = (uuid->data[6] & 0x0f) | 0x40;
    uuid->data[8] = (uuid->data[8] & 0x3f) | 0x80;
    return uuid;
}

char *
without_secrets(const char *text, int limit)
{
    StringInfoData clean;

    initStringInfo(&clean);
    while (*text != '\0' && clean.len <= limit) {
        if (int secret = secret_at(text); secret > 0) {
            appendStringInfoString(&clean, "***");
            text += secret;
            continue;
        }
        int word = Max(1, run_of(text, word_characters));
        appendBinaryStringInfo(&clean, text, word);
        text += word;
    }
    /* only now: half a secret would not have been long enough to be blotted out */
    clean.data[pg_mbcliplen(clean.data, clean.len, limit)] = '\0';
    return clean.data;
}

/*
 * Returns the length of what may be a secret at the beginning of the text, or 0. Base64 has slashes
 * as paths have them; its upper case, lower case and digits come mixed.
 */
static int
secret_at(const char *text)
{
    int word = run_of(text, word_characters);
    int base64 = run_of(text, base64_characters);
    bool upper = false;
    bool lower = false;
    bool digit = false;

    for (char c : std::string_view(text, base64)) {
        upper |= isupper(static_cast<unsigned char>(c)) != 0;
        lower |= islower(static_cast<unsigned char>(c)) != 0;
        digit |= isdigit(static_cast<unsigned char>(c)) != 0;
    }
    if (base64 >= shortest_secret && upper && lower && digit)
        return base64;
    return word >= shortest_secret ? word : 0;
}

/* Returns how many letters, digits and characters of `others` the text begins with. */
static int
run_of(const char *text, const char *others)
{
    int length = 0;

    while (isalnum(static_cast<unsigned char>(text[length])) ||
           (text[length] != '\0' && strchr(others, text[length]) != nullptr))
        length++;
    return length;
}

/* Fills the buffer with strong random bytes, or raises. */
static void
fill_random(void *to, size_t bytes)
{
    if (!pg_strong_random(to, bytes))
        ereport(ERROR, (errcode(ERRCODE_SYSTEM_ERROR), errmsg("could not generate random values")));
}

static char *
base64(std::span<const uint8> bytes)
{
    auto *text = static_cast<uint8 *>(palloc(bytes.size() * 4 / 3 + 5));

    EVP_EncodeBlock(text, bytes.data(), bytes.size());
    return reinterpret_cast<char *>(text);
}

/* Appends the bytes as lower-case hex. */
static void
append_hex(StringInfo to, std::span<const uint8> bytes)
{
    for (uint8 byte : bytes)
        appendStringInfo(to, "%02x", byte);
}

} // namespace appinfra::secrets
