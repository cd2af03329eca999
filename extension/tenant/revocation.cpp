/* Revokes credentials, in the transaction of the caller. See revocation.hpp. */
#include "tenant/revocation.hpp"

#include "audit/audit.hpp"
#include "base/ddl.hpp"
#include "base/identifiers.hpp"
#include "base/label.hpp"
#include "base/lock.hpp"
#include "base/scope.hpp"
#include "registry/credential.hpp"
#include "registry/owned.hpp"
#include "registry/publication.hpp"
#include "shmem/wakeup.hpp"
#include "tenant/readiness.hpp"
#include "tenant/renamed.hpp"

namespace appinfra::revocation
{

/* A credential that is to be revoked; its tenant is locked. */
struct Target {
    int64 id;
    const char *username;
    const char *role_name; /* null pointer: the role is gone */
    const char *access;
};

static std::span<Target> find_targets(query::Query &select, const char *db_id, int64 id);
static void revoke_these(const tenant::Tenant &tenant, std::span<Target> targets,
                         const char *reason);
static void revoke_one(const tenant::Tenant &tenant, const Target &target, const char *reason);
static void disable(const tenant::Tenant &tenant, const Target &target);
static void find_role(const char *db_id, Target *target);
static void free_name(const Target &target);

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
        query::Rows known = query::run(find, {query::text(username)});

        if (known.count != 1)
            raise(
                refuse(ERRCODE_UNDEFINED_OBJECT,
                       psprintf("credential \"%s\" does not exist", identifiers::excerpt(username)),
                       nullptr, "Look at appinfra.credentials."));
        int64 id = known.int8(0, 2);
        tenant::Tenant tenant = tenant::lock(known.text(0, 1));
        std::span<Target> found = find_targets(select, tenant.db_id, id);
        revoke_these(tenant, found, reason);
        for (const Target &target : found)
            audit::record("revoke_credential", tenant.db_id, target.username,
                          audit::detail({{"reason", reason}}));
    });
}

int
revoke_tenant(const char *db_id, const char *reason)
{
    int count = 0;

    require(readiness::check_transaction());
    with_spi([&](MemoryContext) {
        tenant::Tenant tenant = tenant::lock(db_id);

        count = revoke_all(tenant, reason);
        for (const binding::Binding &binding :
             binding::of_tenant(tenant.db_id, binding::Which::living))
            publication::cancel_of_binding(binding.id);
        tenant::mark_revoked(tenant.db_id);
        audit::record("revoke_tenant", tenant.db_id, nullptr,
                      audit::detail({{"reason", reason}, {"credentials", psprintf("%d", count)}}));
    });
    return count;
}

int
revoke_all(const tenant::Tenant &tenant, const char *reason)
{
    static query::Query select = {LIVING_CREDENTIALS " ORDER BY credential_id, $2"};
    std::span<Target> all = find_targets(select, tenant.db_id, 0);

    revoke_these(tenant, all, reason);
    return static_cast<int>(all.size());
}

void
revoke_issued(const tenant::Tenant &tenant, const char *reason)
{
    static query::Query select = {LIVING_CREDENTIALS
                                  " AND binding_id IS NULL ORDER BY credential_id, $2"};

    revoke_these(tenant, find_targets(select, tenant.db_id, 0), reason);
}

void
revoke_of_binding(const tenant::Tenant &tenant, int64 binding_id, const char *reason,
                  RoleName role_name)
{
    static query::Query select = {LIVING_CREDENTIALS " AND binding_id = $2"};
    std::span<Target> found = find_targets(select, tenant.db_id, binding_id);

    revoke_these(tenant, found, reason);
    if (role_name == RoleName::freed)
        for (const Target &target : found)
            free_name(target);
}

void
revoke_binding(const tenant::Tenant &tenant, int64 binding_id, const char *reason,
               RoleName role_name)
{
    revoke_of_binding(tenant, binding_id, reason, role_name);
    publication::cancel_of_binding(binding_id);
    binding::end(binding_id);
    if (publication::may_be_delivered(binding_id))
        publication::enqueue(binding_id, 0);
}

/* Returns the credentials that the query finds; their roles have the recorded names. */
static std::span<Target>
find_targets(query::Query &select, const char *db_id, int64 id)
{
    query::Rows rows = query::run(select, {query::text(db_id), query::int8(id)});
    return query::collect<Target>(rows, [&](uint64 row) {
        return Target{.id = rows.int8(row, 1),
                      .username = rows.text(row, 2),
                      .role_name = rows.text(row, 3),
                      .access = rows.text(row, 4)};
    });
}

/*
 * Revokes credentials of a tenant, their publications first: an acknowledgement, too, locks a
 * publication before the credentials of its binding and their roles.
 */
static void
revoke_these(const tenant::Tenant &tenant, std::span<Target> targets, const char *reason)
{
    for (const Target &target : targets)
        publication::cancel_of_credential(target.id);
    for (Target &target : targets)
        find_role(tenant.db_id, &target);
    for (const Target &target : targets)
        revoke_one(tenant, target, reason);
}

/* Takes everything from the role; the scheduler ends its sessions after the commit. */
static void
revoke_one(const tenant::Tenant &tenant, const Target &target, const char *reason)
{
    disable(tenant, target);
    credential::mark_revoked(target.id, reason);
    lock::hold(lock::Kind::revocation, psprintf(INT64_FORMAT, target.id));
    wakeup::wake_at_commit(wakeup::Work::credentials);
}

/*
 * Takes everything from the role, if there is one. Where it may be one that lost its label the
 * revocation has failed before.
 */
static void
disable(const tenant::Tenant &tenant, const Target &target)
{
    if (target.role_name == nullptr)
        return;
    ddl::disable_login(target.role_name,
                       owned::group_name(tenant.db_id, tenant.database, target.access));
    if (const char *database = get_database_name(owned::database_of(tenant.db_id)))
        ddl::revoke_connect(database, target.role_name);
}

/* Finds and locks the credential's role, and records the name that it has now. */
static void
find_role(const char *db_id, Target *target)
{
    const owned::Object role = owned::lock_login(target->id);

    if (role.name != nullptr && strcmp(role.name, target->role_name) != 0)
        renamed::record_login({.credential_id = target->id,
                               .db_id = db_id,
                               .username = target->username,
                               .from = target->role_name,
                               .to = role.name});
    target->role_name = role.name;
}

/* Gives the role another name, so that its own is free. */
static void
free_name(const Target &target)
{
    const char *name = credential::freed_name(target.id);

    if (target.role_name != nullptr)
        ddl::rename_role(target.role_name, name);
    credential::record_role_name(target.id, name);
}

} // namespace appinfra::revocation
