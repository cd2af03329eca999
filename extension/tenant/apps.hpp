/*
 * Apps as callers handle them: whose an app is, giving it to somebody else, forgetting it.
 *
 * Nothing of one owner's is ever published into another's app: a claim for an app is refused to
 * everybody but its owner.
 */
#pragma once

#include "base/refusal.hpp"

namespace appinfra::apps
{

/*
 * Registers the app; again by the same owner, makes the slug (null: none) its default slug. Raises
 * 23505 when the app is somebody else's.
 */
void register_app(const char *app_id, const char *owner_user_id, const char *slug);

/* Forgets the app. Raises 42704 for an unknown one, 55000 while it has a database. */
void unregister(const char *app_id);

/*
 * Makes the app and its databases the new owner's and revokes the credentials that were issued to
 * people. What the former owner's other apps have of them, and the app has of theirs, is unbound.
 * Raises 42704 for an unknown app.
 */
void transfer(const char *app_id, const char *new_owner);

/*
 * Admits a claim for the app: registers a new one, and raises 42501 when it is somebody else's.
 * Returns the slug of the database: the one asked for, else the app's default. Raises 22004 when
 * there is neither. Inside with_spi().
 */
const char *admit(const char *app_id, const char *owner_user_id, const char *slug);

/*
 * Admits the app for a database that belongs to another one of the owner's apps, in the same way.
 * Neither app changes its owner until the transaction ends.
 */
void admit_other(const char *app_id, const char *owner_user_id, const char *own_app);

/* Tells whether the app is the owner's, and keeps it so until the transaction ends. */
bool is_owner(const char *app_id, const char *owner_user_id);

} // namespace appinfra::apps
