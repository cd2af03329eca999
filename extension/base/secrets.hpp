/*
 * Secrets: passwords, their verifiers, random ids, digests.
 *
 * A password is minted into a Password, on the stack of the call that hands it over, which wipes it
 * when it is done; an error in between leaves it there. What the call answers with (a DSN, a JSON
 * object, a row) has copies, in memory that ends with the statement. A password never enters a
 * table, a statement text or a log line; only its SCRAM verifier does.
 */
#pragma once

#include "base/pg.hpp"

namespace appinfra::secrets
{

constexpr int password_bytes = 33;  /* of randomness: 264 bits */
constexpr int password_length = 44; /* base64url characters, no padding */
constexpr int shortest_secret = 40; /* characters of what others make: S3's secret keys */

struct Password {
    char text[password_length + 1];
};

/* Fills in a new random password. Raises 58000 when the system has no randomness to give. */
void mint(Password *password);

/* Overwrites the password. */
void wipe(Password *password);

/* How often a verifier's key is derived: PostgreSQL's default, whatever a session has set. */
constexpr int scram_iterations = 4096;

/* For logins that a gateway makes many connections with: 264 random bits need no slow hash. */
constexpr int few_scram_iterations = 1;

/* Returns the SCRAM-SHA-256 verifier of the password. */
char *verifier(const Password *password, int iterations = scram_iterations);

/* Fills in so many random characters of base64url, a multiple of four, and a final zero. */
void mint_text(char *to, int characters);

/* Returns the SHA-256 of the text. */
bytea *sha256(std::string_view text);

/* Returns `bytes` random bytes as lower-case hex. */
char *random_hex(int bytes);

/* Returns the first `characters` (at most 64) of the hex SHA-256 of the text. */
char *sha256_hex(std::string_view text, int characters);

/* Returns a random (version 4) UUID. */
pg_uuid_t *random_uuid();

/*
 * Returns at most `limit` bytes of the text, with every run of characters that is long enough to be
 * a secret blotted out: a producer may have echoed what it was sent. Long hashes go, too.
 */
char *without_secrets(const char *text, int limit);

} // namespace appinfra::secrets
