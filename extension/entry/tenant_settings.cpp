/*
 * The functions by which an owner keeps settings for all logins of its tenant.
 *
 * They write the rows of pg_db_role_setting for the tenant's logins in its own database, and that
 * of the owner's group, from which later logins get them (registry/login_settings). Never a row of
 * the database: no session but the tenant's starts with them. It all belongs to the caller's
 * transaction.
 */
#include "audit/events.hpp"
#include "base/ddl.hpp"
#include "base/label.hpp"
#include "base/settings.hpp"
#include "entry/arguments.hpp"
#include "registry/login_settings.hpp"

using namespace appinfra;

extern "C" {
SQL_FUNCTION(appinfra_tenant_set);
SQL_FUNCTION(appinfra_tenant_reset);
}

/* What is to be changed. */
struct Change {
    const char *action;
    const char *name;
    const char *value; /* null: reset */
};

static void change(const Change &change);
static label::Label require_owner();
static void check_name(const char *name);
static void check_limit(const Change &change, const char *name, int limit);
static void apply(void *self, Oid role, const label::Label &label);

Datum
appinfra_tenant_set(PG_FUNCTION_ARGS)
{
    const char *name = arguments::text_argument(fcinfo, 0, "name");
    const char *value = arguments::text_argument(fcinfo, 1, "value");

    change({.action = "tenant_set", .name = name, .value = value});
    PG_RETURN_VOID();
}

Datum
appinfra_tenant_reset(PG_FUNCTION_ARGS)
{
    const char *name = arguments::text_argument(fcinfo, 0, "name");

    change({.action = "tenant_reset", .name = name, .value = nullptr});
    PG_RETURN_VOID();
}

/*
 * Changes the setting for the tenant's logins. With the rights of the login, whatever the current
 * user has become, so that what is for superusers is refused.
 */
static void
change(const Change &change)
{
    label::Label mine = require_owner();
    LOCKTAG tag;
    Oid user;
    int context;

    PreventCommandIfReadOnly(psprintf("%s()", change.action));
    check_name(change.name);
    check_limit(change, "statement_timeout", settings::tenant_statement_timeout);
    check_limit(change, "idle_in_transaction_session_timeout",
                settings::tenant_idle_in_transaction_timeout);
    login_settings::set_tag(&tag, MyDatabaseId);
    (void)LockAcquire(&tag, ExclusiveLock, false, false);
    GetUserIdAndSecContext(&user, &context);
    SetUserIdAndSecContext(GetAuthenticatedUserId(), context | SECURITY_LOCAL_USERID_CHANGE);
    label::visit_roles(mine.db_id, apply, const_cast<Change *>(&change));
    SetUserIdAndSecContext(user, context);
    events::report({.action = change.action,
                    .outcome = events::Outcome::done,
                    .rule = nullptr,
                    .db_id = mine.db_id,
                    .credential = nullptr,
                    .object = change.name,
                    .observed = false});
}

/* Raises unless an owner of the tenant has logged in here; returns its label. */
static label::Label
require_owner()
{
    label::Label mine;
    label::Label here;

    if (!label::of_role(GetAuthenticatedUserId(), &mine) || !label::is_login(mine) ||
        strcmp(mine.detail, "owner") != 0 || !label::of_database(MyDatabaseId, &here) ||
        strcmp(mine.db_id, here.db_id) != 0)
        raise(refuse(ERRCODE_INSUFFICIENT_PRIVILEGE,
                     "only an owner's login keeps settings for the tenant", nullptr,
                     "SET changes settings of this session."));
    return mine;
}

/* Refuses what the host sets for each login, and what would make a session somebody else's. */
static void
check_name(const char *name)
{
    for (const char *ours :
         {"role", "session_authorization", "default_transaction_read_only", "temp_file_limit",
          "max_parallel_workers", "max_parallel_workers_per_gather"})
        if (pg_strcasecmp(ours, name) == 0)
            raise(refuse(ERRCODE_INSUFFICIENT_PRIVILEGE,
                         psprintf("setting \"%s\" is the host's to keep for a login", ours),
                         nullptr, "SET changes it for a session, where that is allowed."));
}

/* Refuses a time that is longer than what the host gives to new logins. */
static void
check_limit(const Change &change, const char *name, int limit)
{
    int value;
    const char *hint;

    if (limit > 0 && change.value != nullptr && pg_strcasecmp(name, change.name) == 0 &&
        parse_int(change.value, &value, GUC_UNIT_MS, &hint) && (value <= 0 || value > limit))
        raise(refuse(ERRCODE_INVALID_PARAMETER_VALUE,
                     psprintf("%s is above the host's limit of %d ms", name, limit), nullptr,
                     "Choose a shorter time; SET changes it for a session."));
}

/* Changes the row of a login, or of the owner's group. */
static void
apply(void *self, Oid role, const label::Label &label)
{
    const auto *change = static_cast<const Change *>(self);

    if (label::is_login(label) || strcmp(label.detail, "owner") == 0)
        ddl::change_setting(MyDatabaseId, role, change->name, change->value);
}
