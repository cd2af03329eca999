/* Revokes credentials, in the transaction of the caller. See revocation.hpp. */
#include "tenant/revocation.hpp"

#include "audit/audit.hpp"
#include "base/ddl.hpp"
#include "base/identifiers.hpp"
#include "base/label.hpp"
#include "base/lock.hpp"
#include "base/query.hpp"
#include "base/scope.hpp"
#include "delivery/binding.hpp"
#include "delivery/publication.hpp"
#include "shmem/wakeup.hpp"
#include "tenant/readiness.hpp"

namespace appinfra::revocation
{

/* A credential that is to be revoked; its tenant is locked. */
struct Victim {
    int64 id;
    const char *username;
    const char *role_name;
    const char *access;
};

static std::span<const Victim> victims(query::Query &select, const char *db_id, int64 id);
static void revoke_these(const registry::Tenant &tenant, std::span<const Victim> victims,
                         const char *reason);
static void revoke_one(const registry::Tenant &tenant, const Victim &victim, const char *reason);
static void disable(const registry::Tenant &tenant, const Victim &victim);
static void follow_rename(const char *db_id, Victim *victim);
static void move_aside(const Victim &victim);

#define LIVING_CREDENTIALS                                                                         \
    "SELECT credential_id, username::text, role_name::text, access FROM appinfra.credential"       \
    " WHERE db_id = $1 AND state IN ('waiting', 'active', 'retiring')"

void
revoke(const char *username, const char *reason)
{
    static query::Query find = {
        "SELECT db_id, credential_id FROM appinfra.credential WHERE username = $1::name"
        "   AND username::text = $1" /* a name cut to 63 bytes is another one */
        " ORDER BY state = 'gone', credential_id DESC LIMIT 1"};
    static query::Query select = {LIVING_CREDENTIALS " AND credential_id = $2"};

    require(readiness::check_transaction());
    with_spi([&](MemoryContext) {
        if (query::run(find, {query::text(username)}) != 1)
            raise(
                refuse(ERRCODE_UNDEFINED_OBJECT,
                       psprintf("credential \"%s\" does not exist", identifiers::excerpt(username)),
                       nullptr, "Look at appinfra.credentials."));
        int64 id = query::int8_at(0, 2);
        registry::Tenant tenant = registry::lock_tenant(query::text_at(0, 1));
        std::span<const Victim> found = victims(select, tenant.db_id, id);
        revoke_these(tenant, found, reason);
        for (const Victim &victim : found)
            audit::record("revoke_credential", tenant.db_id, victim.username,
                          audit::detail({{"reason", reason}}));
    });
}

int
revoke_tenant(const char *db_id, const char *reason)
{
    static query::Query mark = {
        "UPDATE appinfra.tenant SET status = 'revoked' WHERE db_id = $1 AND status = 'ready'"};
    int count = 0;

    require(readiness::check_transaction());
    with_spi([&](MemoryContext) {
        registry::Tenant tenant = registry::lock_tenant(db_id);

        count = revoke_all(tenant, reason);
        for (const registry::Binding &binding : registry::bindings_of(tenant.db_id, false))
            publication::cancel(binding.id, 0);
        query::run(mark, {query::text(tenant.db_id)});
        audit::record("revoke_tenant", tenant.db_id, nullptr,
                      audit::detail({{"reason", reason}, {"credentials", psprintf("%d", count)}}));
    });
    return count;
}

int
revoke_all(const registry::Tenant &tenant, const char *reason)
{
    static query::Query select = {LIVING_CREDENTIALS " ORDER BY credential_id, $2"};
    std::span<const Victim> all = victims(select, tenant.db_id, 0);

    revoke_these(tenant, all, reason);
    return static_cast<int>(all.size());
}

void
revoke_binding(const registry::Tenant &tenant, int64 binding_id, const char *reason, bool free_name)
{
    static query::Query select = {LIVING_CREDENTIALS " AND binding_id = $2"};
    /* by this binding, or by a former holder that was not unset because this one was to overwrite
     * it */
    static query::Query delivered = {
        "SELECT FROM appinfra.binding b JOIN appinfra.binding o"
        "    ON o.target = b.target AND o.variables && b.variables"
        "  JOIN appinfra.publication p ON p.binding_id = o.binding_id"
        " WHERE b.binding_id = $1 AND p.kind = 'set' AND p.attempt > 0 LIMIT 1"};
    std::span<const Victim> found = victims(select, tenant.db_id, binding_id);

    revoke_these(tenant, found, reason);
    if (free_name)
        for (const Victim &victim : found)
            move_aside(victim);
    publication::cancel(binding_id, 0);
    binding::end(binding_id);
    if (query::run(delivered, {query::int8(binding_id)}) > 0)
        publication::enqueue(binding_id, 0);
}

/* Returns the credentials that the query finds. */
static std::span<const Victim>
victims(query::Query &select, const char *db_id, int64 id)
{
    uint64 count = query::run(select, {query::text(db_id), query::int8(id)});
    auto *found = static_cast<Victim *>(palloc((count + 1) * sizeof(Victim)));

    for (uint64 i = 0; i < count; i++)
        found[i] = {.id = query::int8_at(i, 1),
                    .username = query::text_at(i, 2),
                    .role_name = query::text_at(i, 3),
                    .access = query::text_at(i, 4)};
    for (Victim &victim : std::span(found, count))
        follow_rename(db_id, &victim);
    return {found, count};
}

/*
 * Revokes credentials of a tenant, their publications first: whoever answers a claim locks a
 * publication before the credentials of its binding.
 */
static void
revoke_these(const registry::Tenant &tenant, std::span<const Victim> victims, const char *reason)
{
    for (const Victim &victim : victims)
        publication::cancel(0, victim.id);
    for (const Victim &victim : victims)
        revoke_one(tenant, victim, reason);
}

static void
revoke_one(const registry::Tenant &tenant, const Victim &victim, const char *reason)
{
    static query::Query update = {
        "UPDATE appinfra.credential SET state = 'revoked', revoked_at = clock_timestamp(),"
        "       reason = $2 WHERE credential_id = $1"};

    disable(tenant, victim);
    query::run(update, {query::int8(victim.id), query::text(reason)});
    lock::hold(lock::Kind::revocation, psprintf(INT64_FORMAT, victim.id));
    wakeup::wake_at_commit(wakeup::Work::credentials);
}

/*
 * Takes everything from the role. One that is somebody else's now (a restored registry) is not
 * touched, and the revocation fails.
 */
static void
disable(const registry::Tenant &tenant, const Victim &victim)
{
    Oid role = get_role_oid(victim.role_name, true);
    label::Label label;

    if (!OidIsValid(role))
        raise(refuse(ERRCODE_UNDEFINED_OBJECT,
                     psprintf("role \"%s\" of the credential does not exist", victim.role_name),
                     "It was dropped or renamed by other means; a renamed login still works.",
                     "Give it its name back, and try again."));
    if (!label::of_role(role, &label) || strcmp(label.db_id, tenant.db_id) != 0)
        raise(refuse(
            ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
            psprintf("role \"%s\" does not belong to \"%s\"", victim.role_name, tenant.db_id),
            "Its security label says so.", nullptr));
    ddl::disable_login(victim.role_name, identifiers::group_role(tenant.database, victim.access));
    ddl::revoke_connect(tenant.database, victim.role_name);
}

/*
 * Follows a role that was renamed by other means: the one login of the tenant, by its label, that
 * no credential names. Where there is none, or more than one, the credential stays as it is.
 */
static void
follow_rename(const char *db_id, Victim *victim)
{
    static query::Query select = {
        "SELECT min(a.rolname::text) FROM pg_catalog.pg_shseclabel l"
        "  JOIN pg_catalog.pg_authid a ON a.oid = l.objoid"
        " WHERE l.provider = 'appinfra' AND l.classoid = 'pg_catalog.pg_authid'::regclass"
        "   AND l.label = $1 AND NOT EXISTS (SELECT FROM appinfra.credential c"
        "         WHERE c.role_name = a.rolname AND c.state <> 'gone') HAVING count(*) = 1"};
    static query::Query update = {
        "UPDATE appinfra.credential SET role_name = $2::name WHERE credential_id = $1"};

    if (OidIsValid(get_role_oid(victim->role_name, true)) ||
        query::run(select, {query::text(psprintf("%s login %s", db_id, victim->access))}) != 1)
        return;
    victim->role_name = query::text_at(0, 1);
    query::run(update, {query::int8(victim->id), query::text(victim->role_name)});
}

/* Gives the role another name, so that its own is free. */
static void
move_aside(const Victim &victim)
{
    static query::Query update = {
        "UPDATE appinfra.credential SET role_name = $2::name WHERE credential_id = $1"};
    const char *name = psprintf("appinfra_gone_" INT64_FORMAT, victim.id);

    ddl::rename_role(victim.role_name, name);
    query::run(update, {query::int8(victim.id), query::text(name)});
}

} // namespace appinfra::revocation
