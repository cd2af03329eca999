/*
 * Apps: who owns each app that this host has a database for, or was told of.
 *
 * An app has one owner: that of its row or, without one, that of its databases. Locks: the row of
 * an app is locked before the rows of its tenants. A claim takes it without waiting; registering,
 * transferring and removing an app wait for claims to end.
 */
#pragma once

#include "base/refusal.hpp"

namespace appinfra::app
{

/* An app as its locked row says. */
struct App {
    const char *app_id;
    const char *owner_user_id;
    const char *slug; /* default for new databases; null: none */
};

/*
 * Finds the app and locks it against a change of its owner, without waiting. Null when nobody has
 * it: until this transaction ends only the same owner can claim or register it. Raises 55P03 when
 * another transaction changes the app, or registers it for somebody else.
 */
const App *share(const char *app_id, const char *owner_user_id);

/* Finds the app and locks it for a change, waiting for claims; null when nobody has it. */
const App *lock(const char *app_id);

/* The same, and raises 42704 when nobody has it. */
App lock_known(const char *app_id);

/*
 * Registers an app that share() or lock() did not find; false when another transaction of the same
 * owner is doing that.
 */
bool insert(const App &app);

void set_slug(const char *app_id, const char *slug);
void set_owner(const char *app_id, const char *owner_user_id);
void remove(const char *app_id);

} // namespace appinfra::app
