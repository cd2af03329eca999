/* The rows of apps: locking them, and every change of one. See app.hpp. */
#include "registry/app.hpp"

#include "base/identifiers.hpp"
#include "base/lock.hpp"
#include "base/query.hpp"

namespace appinfra::app
{

static const App *first(const query::Rows &rows);
static const App *of_databases(const char *app_id);

#define SELECT_APP "SELECT app_id, owner_user_id, slug FROM appinfra.app WHERE app_id = $1"

const App *
share(const char *app_id, const char *owner_user_id)
{
    /* SKIP LOCKED: a claim never waits for somebody else's commit */
    static query::Query select = {SELECT_APP " FOR SHARE SKIP LOCKED"};
    static query::Query exists = {"SELECT FROM appinfra.app WHERE app_id = $1"};

    if (const App *found = first(query::run(select, {query::text(app_id)})))
        return found;
    if (query::run(exists, {query::text(app_id)}).count > 0)
        raise(refuse(
            ERRCODE_LOCK_NOT_AVAILABLE,
            psprintf("another transaction is changing app \"%s\"", identifiers::excerpt(app_id)),
            "It transfers the app, removes it, or changes its default slug.",
            "Repeat the call when that transaction has ended."));
    if (!lock::try_agree(lock::Kind::app, app_id, owner_user_id))
        raise(refuse(
            ERRCODE_LOCK_NOT_AVAILABLE,
            psprintf("another transaction is registering app \"%s\"", identifiers::excerpt(app_id)),
            "It does so for another owner.", "Repeat the call when that transaction has ended."));
    /* somebody may have registered it and committed between the look and the lock */
    if (const App *found = first(query::run(select, {query::text(app_id)})))
        return found;
    return of_databases(app_id);
}

const App *
lock(const char *app_id)
{
    static query::Query select = {SELECT_APP " FOR UPDATE"};

    /* claims of an app without a row have no row to lock */
    lock::hold_alone(lock::Kind::app, app_id);
    if (const App *found = first(query::run(select, {query::text(app_id)})))
        return found;
    const App *found = of_databases(app_id);
    if (found != nullptr)
        insert(*found);
    return found;
}

App
lock_known(const char *app_id)
{
    const App *found = lock(app_id);

    if (found == nullptr)
        raise(refuse(ERRCODE_UNDEFINED_OBJECT,
                     psprintf("app \"%s\" is not registered", identifiers::excerpt(app_id)),
                     nullptr, "Look at appinfra.apps."));
    return *found;
}

bool
insert(const App &app)
{
    static query::Query insert = {
        "INSERT INTO appinfra.app (app_id, owner_user_id, slug) VALUES ($1, $2, $3)"};

    if (!lock::try_take(lock::Kind::app, app.app_id))
        return false;
    query::run(insert,
               {query::text(app.app_id), query::text(app.owner_user_id), query::text(app.slug)});
    return true;
}

void
set_slug(const char *app_id, const char *slug)
{
    static query::Query update = {"UPDATE appinfra.app SET slug = $2 WHERE app_id = $1"};

    query::run(update, {query::text(app_id), query::text(slug)});
}

void
set_owner(const char *app_id, const char *owner_user_id)
{
    static query::Query update = {"UPDATE appinfra.app SET owner_user_id = $2 WHERE app_id = $1"};

    query::run(update, {query::text(app_id), query::text(owner_user_id)});
}

void
remove(const char *app_id)
{
    static query::Query remove = {"DELETE FROM appinfra.app WHERE app_id = $1"};

    query::run(remove, {query::text(app_id)});
}

/* Returns the app of the first row, or null when there is none. */
static const App *
first(const query::Rows &rows)
{
    if (rows.count == 0)
        return nullptr;
    auto *app = static_cast<App *>(palloc(sizeof(App)));
    *app = {.app_id = rows.text(0, 1), .owner_user_id = rows.text(0, 2), .slug = rows.text(0, 3)};
    return app;
}

/*
 * Returns the app that has databases, or variables of others, but no row; or null. An older release
 * kept no rows, and a claim makes none while another transaction does, which may then be rolled
 * back.
 */
static const App *
of_databases(const char *app_id)
{
    static query::Query select = {"SELECT $1, owner_user_id, NULL::text FROM appinfra.tenant"
                                  " WHERE (app_id = $1 AND status <> 'dropped') OR db_id IN ("
                                  "       SELECT coalesce(db_id, workspace) FROM appinfra.binding "
                                  "WHERE app_id = $1 AND NOT ended)"
                                  " ORDER BY created_at, db_id LIMIT 1"};

    return first(query::run(select, {query::text(app_id)}));
}

} // namespace appinfra::app
