/* Reads and remembers whose roles and databases are. See tenant_of.hpp. */
#include "guard/tenant_of.hpp"

#include "base/oid_memory.hpp"

namespace appinfra::guard
{

static HTAB *known_roles;      /* roles this process has asked about */
static unsigned known_as_of;   /* after more changes: ask again */
static TenantRole latest_role; /* the one that was asked for last; role 0: none */

unsigned role_changes;

static void on_role_change(Datum argument, int cache, uint32 hash);

const TenantRole *
tenant_of_role(Oid role)
{
    if (known_roles == nullptr) {
        known_roles = oid_memory::make<TenantRole>("appinfra known roles");
        watch_role_changes();
    }
    if (known_as_of != role_changes) {
        known_as_of = role_changes;
        latest_role.role = InvalidOid;
        oid_memory::empty(known_roles);
    }
    if (latest_role.role == role && OidIsValid(role))
        return &latest_role;
    auto *found = static_cast<TenantRole *>(hash_search(known_roles, &role, HASH_FIND, nullptr));
    if (found == nullptr) {
        TenantRole fresh;

        read_tenant_role(role, &fresh);
        found = static_cast<TenantRole *>(hash_search(known_roles, &role, HASH_ENTER, nullptr));
        *found = fresh;
    }
    latest_role = *found;
    return &latest_role;
}

/*
 * A label that cannot be understood marks a tenant's role all the same: who cannot be told from a
 * tenant is guarded. A catalog that cannot be read raises, which refuses.
 */
void
read_tenant_role(Oid role, TenantRole *known)
{
    label::Label label;

    *known = {};
    switch (OidIsValid(role) ? label::read_role(role, &label) : label::Found::none) {
    case label::Found::none:
        break;
    case label::Found::malformed:
        known->is_tenants = true;
        strlcpy(known->db_id, "-", sizeof(known->db_id));
        break;
    case label::Found::well_formed:
        known->is_tenants = true;
        known->is_group = strcmp(label.kind, "group") == 0;
        strlcpy(known->db_id, label.db_id, sizeof(known->db_id));
        break;
    }
    known->role = role;
}

Oid
owner_of_relation(Oid relation)
{
    HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));

    if (!HeapTupleIsValid(tuple))
        return InvalidOid;
    Oid owner = reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple))->relowner;
    ReleaseSysCache(tuple);
    return owner;
}

bool
is_role_of(Oid role, const char *db_id)
{
    const TenantRole *known = tenant_of_role(role);

    return known->is_tenants && strcmp(known->db_id, db_id) == 0;
}

const char *
tenant_of_database()
{
    static enum : int { unknown, nobodys, tenants } whose = unknown;
    static char db_id[label::word_limit];
    label::Label label;

    if (whose == unknown && OidIsValid(MyDatabaseId)) {
        bool labelled = label::of_database(MyDatabaseId, &label);

        if (!labelled || strcmp(label.kind, "template") == 0)
            whose = nobodys;
        else if (strcmp(label.kind, "tenant") == 0)
            whose = tenants;
        if (whose == tenants)
            strlcpy(db_id, label.db_id, sizeof(db_id));
    }
    return whose == tenants ? db_id : nullptr;
}

/* A role was made, dropped or changed: what is remembered may be wrong. */
void
watch_role_changes()
{
    static bool watching;

    if (!watching)
        CacheRegisterSyscacheCallback(AUTHOID, on_role_change, static_cast<Datum>(0));
    watching = true;
}

static void
on_role_change(Datum, int, uint32)
{
    role_changes++;
}

} // namespace appinfra::guard
