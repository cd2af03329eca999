/* Brings a tenant to the present hardening. See apply_hardening.hpp. */
#include "exposure/apply_hardening.hpp"

#include "audit/audit.hpp"
#include "base/ddl.hpp"
#include "base/identifiers.hpp"
#include "base/label.hpp"
#include "base/query.hpp"
#include "base/scope.hpp"
#include "base/settings.hpp"
#include "exposure/system_definitions.hpp"
#include "guard/hardening_script.hpp"
#include "registry/grants.hpp"
#include "registry/login_settings.hpp"
#include "registry/owned.hpp"
#include "registry/tenant.hpp"
#include "tenant/entering.hpp"
#include "tenant/readiness.hpp"
#include "workers/setup.hpp"

namespace appinfra::apply_hardening
{

static const Refusal *check_status(const tenant::Tenant &tenant);
static void label_roles(const tenant::Tenant &tenant);
static void label_role(const char *role, const char *wanted);
static void enter(const tenant::Tenant &tenant, Oid database);
static const char *restoring_script(Oid database, const char *name);
static void on_row(void *, size_t, std::span<const char *const>);
static void on_failure(void *, size_t, int code, const char *message);
static void close(const tenant::Tenant &tenant);
static void dress_logins(const tenant::Tenant &tenant);
static std::span<const ddl::Setting> other_settings(const char *login);
static void record(const tenant::Tenant &tenant, Oid database);

void
tenant(const char *db_id)
{
    require(readiness::check_transaction());
    with_spi([&](MemoryContext) {
        tenant::Tenant tenant = tenant::lock(db_id);

        require(check_status(tenant));
        Oid database = entering::require_database(tenant);
        /* first, as long as this transaction has touched nothing that the task needs */
        enter(tenant, database);
        label_roles(tenant);
        close(tenant);
        grants::open_to_groups(tenant.database);
        dress_logins(tenant);
        record(tenant, database);
    });
}

static const Refusal *
check_status(const tenant::Tenant &tenant)
{
    using tenant::Status;

    for (Status status : {Status::ready, Status::revoked, Status::retained})
        if (tenant.status == status)
            return nullptr;
    return refuse(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                  psprintf("database \"%s\" cannot be hardened", tenant.db_id),
                  psprintf("Its status is \"%s\".", states::name(tenant.status)),
                  tenant.status == Status::retiring ? "Try again when it is \"retained\"."
                                                    : nullptr);
}

/* Hardens and dresses the database inside, by a database task. */
static void
enter(const tenant::Tenant &tenant, Oid database)
{
    const setup::Order order = setup::order_of(setup::Job::harden_tenant, tenant.database);
    database_task::Task task = setup::task_of(order, database);

    task.text = restoring_script(database, tenant.database);
    database_task::run_all({&task, 1}, {.row = on_row, .failure = on_failure, .self = nullptr});
}

/*
 * Returns the statements that make the server's functions and views in the database what they are
 * in the template, or null when they are so. Nothing is dropped, and what depends on them stays.
 */
static const char *
restoring_script(Oid database, const char *name)
{
    exposure::Definitions wanted = exposure::definitions_of_template(true);
    exposure::Definitions found = exposure::definitions_of(database, name);

    for (const exposure::Definitions *read : {&wanted, &found})
        if (read->failure != nullptr)
            on_failure(nullptr, 0, ERRCODE_LOCK_NOT_AVAILABLE, read->failure);
    return exposure::restoring_script(wanted, found);
}

/* Hardening reports no rows. */
static void
on_row(void *, size_t, std::span<const char *const>)
{
}

static void
on_failure(void *, size_t, int code, const char *message)
{
    bool in_the_way = code == ERRCODE_LOCK_NOT_AVAILABLE || code == ERRCODE_INTERNAL_ERROR ||
                      code == ERRCODE_T_R_DEADLOCK_DETECTED;

    ereport(ERROR, (errcode(code), errmsg("the database could not be hardened: %s", message),
                    in_the_way ? errhint("A session of the tenant may be in the way. Try again, or "
                                         "keep it out with appinfra.revoke_tenant().")
                               : 0));
}

/* Sees to it that groups and logins have their labels: the guard knows a tenant by nothing else. */
static void
label_roles(const tenant::Tenant &tenant)
{
    static query::Query logins = {"SELECT role_name::text, access, gateway IS NOT NULL FROM "
                                  "appinfra.credential JOIN pg_catalog.pg_authid"
                                  "    ON rolname = role_name AND oid = coalesce(role_oid, oid)"
                                  " WHERE db_id = $1 AND state <> 'gone'"};

    for (const char *access : identifiers::accesses)
        label_role(identifiers::group_role(tenant.database, access),
                   label::of_group(tenant.db_id, access));
    query::Rows rows = query::run(logins, {query::text(tenant.db_id)});
    for (uint64 i = 0; i < rows.count; i++)
        label_role(rows.text(i, 1),
                   label::of_login(tenant.db_id, rows.text(i, 2), rows.boolean(i, 3)));
}

/* Labels a role, unless it has the label. A role with another label is refused, not taken over. */
static void
label_role(const char *role, const char *wanted)
{
    label::Label present;

    if (!label::of_role(get_role_oid(role, false), &present))
        ddl::label_role(role, wanted);
    else if (strcmp(label::of(present), wanted) != 0)
        raise(refuse(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                     psprintf("role \"%s\" has another label", role),
                     psprintf("It is labelled \"%s\".", label::of(present))));
}

/*
 * Gives the database back to the superuser, and takes from PUBLIC and from tenants' roles whatever
 * they hold beyond what they are to have. What an operator has granted to others stays.
 */
static void
close(const tenant::Tenant &tenant)
{
    static query::Query owner = {
        "SELECT FROM pg_catalog.pg_database d JOIN pg_catalog.pg_authid o ON o.oid = d.datdba"
        " WHERE d.datname = $1::name AND NOT o.rolsuper"};
    static query::Query excess = {
        "SELECT DISTINCT CASE a.grantee WHEN 0 THEN NULL ELSE r.rolname::text END"
        "  FROM pg_catalog.pg_database d,"
        "       aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a"
        "  LEFT JOIN pg_catalog.pg_authid r ON r.oid = a.grantee"
        "  LEFT JOIN pg_catalog.pg_shseclabel l ON l.objoid = a.grantee"
        "   AND l.classoid = 'pg_catalog.pg_authid'::regclass AND l.provider = 'appinfra'"
        " WHERE d.datname = $1::name AND a.grantee <> d.datdba"
        "   AND (a.grantee = 0 OR (l.label IS NOT NULL AND (a.is_grantable"
        "        OR " LABEL_DB_ID(
            "l.label") " <> $2"
                       "        OR (" LABEL_GROUP_OR_LOGIN("l.label") ", " LABEL_DETAIL(
                           "l.label") ", a.privilege_type)"
                                      "           NOT IN (" TENANT_GRANTS_SQL "))))"};

    if (query::run(owner, {query::text(tenant.database)}).count > 0)
        ddl::give_database(tenant.database, GetUserNameFromId(BOOTSTRAP_SUPERUSERID, false));
    query::Rows rows =
        query::run(excess, {query::text(tenant.database), query::text(tenant.db_id)});
    for (uint64 i = 0; i < rows.count; i++)
        ddl::revoke_all_on_database(tenant.database, rows.text(i, 1));
    ddl::limit_connections(
        tenant.database,
        tenant::read_limits(tenant.db_id).connections.value_or(settings::tenant_connection_limit));
    ddl::mark_template(tenant.database, false);
}

/* Opens the database to the living logins, and writes the settings that their sessions start with.
 */
static void
dress_logins(const tenant::Tenant &tenant)
{
    static query::Query select = {
        "SELECT role_name::text, access, gateway IS NOT NULL FROM appinfra.credential JOIN "
        "pg_catalog.pg_authid"
        "    ON rolname = role_name AND oid = coalesce(role_oid, oid)"
        " WHERE db_id = $1 AND state IN ('waiting', 'active', 'retiring')"};
    query::Rows rows = query::run(select, {query::text(tenant.db_id)});

    for (uint64 i = 0; i < rows.count; i++) {
        const char *login = rows.text(i, 1);
        const char *access = rows.text(i, 2);

        grants::open_to_login(tenant.database, login, access);
        login_settings::write({.username = login,
                               .access = access,
                               .group = owned::group_name(tenant.db_id, tenant.database, access),
                               .db_id = tenant.db_id,
                               .database = tenant.database},
                              other_settings(login));
    }
}

/* Returns the further settings that an operator has made, except those that hijack sessions. */
static std::span<const ddl::Setting>
other_settings(const char *login)
{
    static query::Query select = {"SELECT split_part(s, '=', 1), substr(s, strpos(s, '=') + 1)"
                                  "  FROM pg_catalog.pg_db_role_setting, unnest(setconfig) s"
                                  " WHERE setdatabase = 0 AND setrole = $1::regrole"
                                  "   AND NOT split_part(s, '=', 1) = ANY (" OWN_SETTINGS
                                  " || " HIJACKING_SETTINGS ")"};
    query::Rows rows = query::run(select, {query::text(quote_identifier(login))});

    return query::collect<ddl::Setting>(rows, [&](uint64 i) {
        return ddl::Setting{.name = rows.text(i, 1), .value = rows.text(i, 2)};
    });
}

/* Writes the hardening into the registry and the label, and the action into the audit. */
static void
record(const tenant::Tenant &tenant, Oid database)
{
    label::Label label;
    bool is_shell = label::of_database(database, &label) && strcmp(label.kind, "shell") == 0;

    ddl::label_database(tenant.database, is_shell
                                             ? label::of_shell(tenant.db_id, hardening::version)
                                             : label::of_tenant(tenant.db_id, hardening::version));
    tenant::set_hardening(tenant.db_id, hardening::version);
    audit::record("harden_tenant", tenant.db_id, nullptr,
                  audit::detail({{"from", psprintf("%d", tenant.hardening)},
                                 {"to", psprintf("%d", hardening::version)}}));
}

} // namespace appinfra::apply_hardening
