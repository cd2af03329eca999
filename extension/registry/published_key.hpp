/*
 * Published keys: API keys that bindings deliver to apps.
 *
 * Such a key is planned without a secret, which the claim makes. A binding has one key after the
 * other, of one line; the former ones expire some time after their successor is delivered. A
 * binding of a key has a workspace in place of a db_id, and two variables.
 */
#pragma once

#include "registry/binding.hpp"
#include "registry/key.hpp"

namespace appinfra::published_key
{

/* A key of a binding. */
struct Key {
    int64 number;
    const char *key_id;
};

/* Returns the variables of such a binding, a text[]: the gateway's URL and the key. */
Datum variables();

constexpr const char *url_variable = "AGENTCOOPDB_GATEWAY_URL";
constexpr const char *key_variable = "AGENTCOOPDB_API_KEY";
constexpr const char *env = "live"; /* of every published key */

/* Plans the first key of a binding, made by that person. */
Key plan(const binding::Binding &binding, const char *created_by);

/*
 * Gives a secret with that SHA-256 to the binding's key that waits for one, if possible that of
 * this number (0: any); where none waits, to a successor of its newest.
 */
Key hand_over(const binding::Binding &binding, int64 number, const bytea *digest);

/* Takes the secret away again: surely nobody has received it. */
void withdraw(int64 number);

/* The key is delivered: older ones of its binding expire after that time. */
void mark_delivered(int64 binding_id, int64 number, const Interval *after);

/* Returns the living binding of a key of the workspace that holds the variable; null: none does. */
const binding::Binding *find(const char *db_id, const char *target, const char *variable);

/* Returns the living bindings of keys of the workspace. */
std::span<const binding::Binding> of_tenant(const char *db_id);

/* Revokes the keys of a binding, ends it, and owes that its variables are unset. */
void end(int64 binding_id, const char *reason);

} // namespace appinfra::published_key
