/*
 * Credentials: logins, from their creation to the moment their password is handed over.
 *
 * A credential is one LOGIN role in one group, NOINHERIT, with `SET role` to that group and a
 * direct CONNECT on its own database. Once anyone may have received its password it never changes:
 * another hand-over needs another login.
 */
#pragma once

#include "secrets.hpp"

namespace appinfra::credential
{

/* The tenant that credentials are made for. Its row is locked by the caller. */
struct Tenant {
    const char *db_id;
    const char *database;
};

struct Credential {
    int64 id;
    const char *username;
};

/* Tells whether the word is an access. */
bool is_access(const char *word);

/*
 * Makes a login and its registry row. With a password it is active, without one it waits for its
 * first. Binding 0: none.
 */
Credential create(const Tenant &tenant, const char *access, int64 binding_id,
                  const secrets::Password *password);

/* Gives a waiting credential its password: from now on it is active. */
void hand_over(const Credential &credential, const secrets::Password &password);

/* Takes the password of a credential away again, that surely nobody received: it waits once more. */
void take_back(int64 credential_id);

/* Returns the DSN of a login. It is a secret when the password is one. */
char *dsn(const char *username, const char *password, const char *database);

} // namespace appinfra::credential
