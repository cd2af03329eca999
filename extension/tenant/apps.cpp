/* Registers, transfers and forgets apps. See apps.hpp. */
#include "tenant/apps.hpp"

#include "audit/audit.hpp"
#include "base/identifiers.hpp"
#include "base/query.hpp"
#include "base/scope.hpp"
#include "registry/app.hpp"
#include "registry/bucket.hpp"
#include "registry/tenant.hpp"
#include "tenant/readiness.hpp"
#include "tenant/revocation.hpp"
#include "tenant/unbinding.hpp"

namespace appinfra::apps
{

static void check_arguments(const char *app_id, const char *owner_user_id, const char *slug);
static void add(const app::App &app);
static void record(const char *action, const app::App &app);
static const Refusal *check_owner(const app::App *known, const char *owner_user_id, int code);
static const char *living_database(const char *app_id);
static const char *bound_database(const char *app_id);
static int transfer_tenants(const char *app_id, const char *new_owner);

void
register_app(const char *app_id, const char *owner_user_id, const char *slug)
{
    require(readiness::check_transaction());
    check_arguments(app_id, owner_user_id, slug);
    with_spi([&](MemoryContext) {
        const app::App *known = app::lock(app_id);
        const app::App wanted = {.app_id = app_id, .owner_user_id = owner_user_id, .slug = slug};

        require(check_owner(known, owner_user_id, ERRCODE_UNIQUE_VIOLATION));
        if (known == nullptr)
            app::insert(wanted);
        else
            app::set_slug(app_id, slug);
        record("register_app", wanted);
    });
}

void
unregister(const char *app_id)
{
    require(readiness::check_transaction());
    with_spi([&](MemoryContext) {
        app::App known = app::lock_known(app_id);

        if (const char *db_id = living_database(app_id))
            raise(refuse(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                         psprintf("app \"%s\" still has a database", identifiers::excerpt(app_id)),
                         psprintf("One is \"%s\".", db_id),
                         "appinfra.deprovision_tenant(db_id, retain => '0') drops a database; "
                         "appinfra.databases says when it is dropped."));
        if (const char *db_id = bound_database(app_id))
            raise(refuse(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                         psprintf("app \"%s\" still has variables of a database of another app",
                                  identifiers::excerpt(app_id)),
                         psprintf("One is \"%s\".", db_id),
                         "appinfra.unbind_variables(db_id, variables, app_id => ...) takes them "
                         "away; appinfra.bindings shows them."));
        if (const char *bucket_id = bucket::living_of(app_id))
            raise(refuse(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                         psprintf("app \"%s\" still has a bucket", identifiers::excerpt(app_id)),
                         psprintf("One is \"%s\".", bucket_id),
                         "appinfra.deprovision_bucket(bucket_id, retain => '0') removes a bucket; "
                         "appinfra.buckets says when it is dropped."));
        app::remove(app_id);
        record("unregister_app", known);
    });
}

void
transfer(const char *app_id, const char *new_owner)
{
    require(readiness::check_transaction());
    check_arguments(app_id, new_owner, nullptr);
    with_spi([&](MemoryContext) {
        app::App known = app::lock_known(app_id);

        if (strcmp(known.owner_user_id, new_owner) == 0)
            return;
        int databases = transfer_tenants(app_id, new_owner);
        bucket::set_owner_of(app_id, new_owner);
        app::set_owner(app_id, new_owner);
        audit::record("transfer_app", nullptr, nullptr,
                      audit::detail({{"app_id", app_id},
                                     {"from", known.owner_user_id},
                                     {"to", new_owner},
                                     {"databases", psprintf("%d", databases)}}));
    });
}

const char *
admit(const char *app_id, const char *owner_user_id, const char *slug)
{
    const app::App *known = app::share(app_id, owner_user_id);

    require(check_owner(known, owner_user_id, ERRCODE_INSUFFICIENT_PRIVILEGE));
    const char *chosen = slug != nullptr || known == nullptr ? slug : known->slug;
    if (chosen == nullptr)
        raise(refuse(ERRCODE_NULL_VALUE_NOT_ALLOWED, "slug is NULL",
                     "The argument needs a value: the app has no default slug.",
                     "appinfra.register_app() gives an app its default slug."));
    if (known == nullptr)
        add({.app_id = app_id, .owner_user_id = owner_user_id, .slug = chosen});
    return chosen;
}

void
admit_other(const char *app_id, const char *owner_user_id, const char *own_app)
{
    require(check_owner(app::share(own_app, owner_user_id), owner_user_id,
                        ERRCODE_INSUFFICIENT_PRIVILEGE));
    const app::App *known = app::share(app_id, owner_user_id);

    require(check_owner(known, owner_user_id, ERRCODE_INSUFFICIENT_PRIVILEGE));
    if (known == nullptr)
        add({.app_id = app_id, .owner_user_id = owner_user_id, .slug = nullptr});
}

bool
is_owner(const char *app_id, const char *owner_user_id)
{
    const app::App *known = app::share(app_id, owner_user_id);

    return known != nullptr && strcmp(known->owner_user_id, owner_user_id) == 0;
}

/* Registers an app that nobody has, unless another transaction of its owner is doing that. */
static void
add(const app::App &app)
{
    if (app::insert(app))
        record("register_app", app);
}

/* Raises what is wrong with the ids or the slug; a null slug is fine. */
static void
check_arguments(const char *app_id, const char *owner_user_id, const char *slug)
{
    require(identifiers::check_app_id(app_id));
    require(identifiers::check_owner(owner_user_id));
    if (slug != nullptr)
        require(identifiers::check_slug(slug));
}

static void
record(const char *action, const app::App &app)
{
    audit::record(
        action, nullptr, nullptr,
        audit::detail(
            {{"app_id", app.app_id}, {"owner_user_id", app.owner_user_id}, {"slug", app.slug}}));
}

/* Refuses when the app is somebody else's; one that nobody has is everybody's. */
static const Refusal *
check_owner(const app::App *known, const char *owner_user_id, int code)
{
    if (known == nullptr || strcmp(known->owner_user_id, owner_user_id) == 0)
        return nullptr;
    return refuse(code,
                  psprintf("app \"%s\" has another owner", identifiers::excerpt(known->app_id)),
                  "An app has one owner, and its environment receives that owner's databases only.",
                  "appinfra.transfer_app() gives an app to somebody else.");
}

/* Returns the id of a database of the app that is not dropped, or null. */
static const char *
living_database(const char *app_id)
{
    static query::Query select = {
        "SELECT db_id FROM appinfra.tenant WHERE app_id = $1 AND status <> 'dropped'"
        " ORDER BY created_at LIMIT 1"};
    const query::Rows rows = query::run(select, {query::text(app_id)});

    return rows.count > 0 ? rows.text(0, 1) : nullptr;
}

/* Returns the id of a database that has variables in the app, or null. */
static const char *
bound_database(const char *app_id)
{
    static query::Query select = {"SELECT coalesce(db_id, workspace) FROM appinfra.binding"
                                  " WHERE app_id = $1 AND NOT ended AND bucket_id IS NULL"
                                  " ORDER BY 1 LIMIT 1"};
    const query::Rows rows = query::run(select, {query::text(app_id)});

    return rows.count > 0 ? rows.text(0, 1) : nullptr;
}

/*
 * Makes the app's databases the new owner's and takes apart what belongs to two owners then.
 * Returns how many databases of the app that are not dropped there are.
 */
static int
transfer_tenants(const char *app_id, const char *new_owner)
{
    static query::Query select = {"SELECT db_id FROM appinfra.tenant WHERE app_id = $1"
                                  "   AND status <> 'dropped' UNION "
                                  "SELECT coalesce(db_id, workspace) FROM appinfra.binding"
                                  " WHERE app_id = $1 AND NOT ended AND bucket_id IS NULL"
                                  " ORDER BY db_id"};
    int count = 0;
    const query::Rows rows = query::run(select, {query::text(app_id)});

    for (uint64 i = 0; i < rows.count; i++) {
        tenant::Tenant tenant = tenant::lock(rows.text(i, 1));

        unbinding::unbind_transferred(tenant, app_id);
        if (strcmp(tenant.app_id, app_id) != 0)
            continue;
        tenant::set_owner(tenant.db_id, new_owner);
        revocation::revoke_issued(tenant, "app transferred");
        count++;
    }
    return count;
}

} // namespace appinfra::apps
