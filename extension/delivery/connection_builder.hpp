/*
 * Connections: the answer of every function that makes credentials, and how it is put together.
 *
 * Every function that makes credentials answers with a Connection. With publish the credentials
 * wait for the sidecar's claim, and the connection has no password; without, they are minted now,
 * and the connection is the one place that carries them.
 */
#pragma once

#include "base/json.hpp"
#include "registry/credential.hpp"

namespace appinfra::connection_builder
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
    bool pooled; /* its address is the pooler's */
};

/* A connection that is being filled in. Its parts live in the memory context of the caller. */
struct Builder {
    MemoryContext caller;
    bool publish;
    Connection connection;
    json::Object env;
};

/* Begins the answer for credentials of the tenant. */
Builder begin(MemoryContext caller, const char *db_id, const char *database, bool publish);

/*
 * Makes a credential for a binding (0: for none, never published) and adds its variables, a text[].
 * The first one is the connection's username, password and url. Null intervals: the defaults of
 * rotate_credential(). Returns the credential.
 */
credential::Credential add(Builder *builder, const credential::Purpose &purpose, Datum variables,
                           const Interval *grace = nullptr, const Interval *deadline = nullptr);

/*
 * Makes a binding for the (reserved) place and a credential of that access for it, as add() does.
 * The place's former holder is not unset any more: the new value overwrites its own. The variables
 * may be shown under other names, a text[].
 */
void add_binding(Builder *builder, const binding::Place &place, const char *access,
                 Datum shown = 0);

/*
 * Adds the variables of a binding that has a credential already; nothing is told of its password.
 * Null pointer: all that the binding had is revoked.
 */
void add_existing(Builder *builder, const char *username, const binding::Binding &binding);

/* Returns the finished connection. */
Connection end(Builder *builder);

} // namespace appinfra::connection_builder
