/*
 * Locks on names: try once, never wait; but for revocations, whose end is awaited.
 *
 * Held until the (sub)transaction ends. They are advisory locks in a class of their own, so that
 * nobody's pg_advisory_lock() can take one. "Taken" means: somebody whose transaction has not ended
 * is about to use this name.
 */
#pragma once

#include "base/pg.hpp"

namespace appinfra::lock
{

/* What kind of name it is; different kinds never meet. */
enum class Kind : char {
    app = 'a',
    buckets = 'b', /* of an app */
    name = 'n',
    variable = 'v',
    idempotency_key = 'k',
    revocation = 'r',
    worker = 'w',
    tasks = 'i',
    api_key = 'y'
};

/* Takes the lock; false when another transaction holds it. */
bool try_take(Kind kind, const char *name, const char *of = "");

/*
 * Takes the lock for a value: transactions that take it for the same value hold it together. False
 * while one holds it for another value, or alone.
 */
bool try_agree(Kind kind, const char *name, const char *value);

/* Waits until no transaction holds the lock for a value, and keeps others from taking it. */
void hold_alone(Kind kind, const char *name);

/*
 * Takes a lock that a transaction holds until it has ended for everybody: other backends are told
 * of its changes only a moment after they can be seen.
 */
void hold(Kind kind, const char *name);

/* The same, together with others that share it. */
void share(Kind kind, const char *name);

/* Takes a lock that this process keeps until it ends; false when another holds it. */
bool try_keep(Kind kind, const char *name);

/*
 * Keeps the extension, if it is in this database, from being dropped until the transaction ends.
 * Taken before any of its tables, so that DROP EXTENSION and a worker never wait for each other.
 */
void hold_extension();

/* Waits until nobody holds the lock. */
void await(Kind kind, const char *name);

} // namespace appinfra::lock
