/*
 * Handouts: new credentials on their way to whoever is to have them.
 *
 * Every function that makes credentials answers with a Connection. With publish the credentials
 * wait for the sidecar's claim, and the connection has no password; without, they are minted now,
 * and the connection is the one place that carries them.
 */
#pragma once

#include "base/json.hpp"
#include "registry/credential.hpp"

namespace appinfra::handout
{

/* What a caller gets: an appinfra.connection. Null pointers become NULL. */
struct Connection {
    const char *db_id;
    const char *status;
    const char *database;
    const char *username;
    const char *password;
    const char *url;
    Jsonb *env;
};

/* A connection that is being filled in. Its parts live in the memory context of the caller. */
struct Handout {
    MemoryContext caller;
    bool publish;
    Connection connection;
    json::Object env;
};

/* Begins a handout of credentials of the tenant. */
Handout begin(MemoryContext caller, const char *db_id, const char *database, bool publish);

/*
 * Makes a credential for a binding (0: for none, never published) and adds its variables, a text[].
 * The first one is the connection's username, password and url. Null intervals: the defaults of
 * rotate_credential(). Returns the credential.
 */
credential::Credential add(Handout *handout, const credential::Purpose &purpose, Datum variables,
                           const Interval *grace = nullptr, const Interval *deadline = nullptr);

/* Names a credential that waits for its first password already. */
void mention(Handout *handout, const char *username, Datum variables);

/* Returns the finished connection. */
Connection end(Handout *handout);

/* Returns a text[] of one variable. */
Datum one_variable(const char *name);

} // namespace appinfra::handout
