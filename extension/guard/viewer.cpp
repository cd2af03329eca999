/* Refuses what a viewer's rights would show to a tenant. See viewer.hpp. */
#include "guard/viewer.hpp"

#include "base/settings.hpp"
#include "guard/guard.hpp"
#include "guard/secret.hpp"
#include "guard/tenant_of.hpp"

namespace appinfra::guard
{

static constexpr Rule rule = {
    "viewer_rights",
    "A statement that uses what a tenant has stored reaches nothing by its own rights alone."};

/*
 * The server's views that show more to whoever may see more. What they read by way of a table of
 * their own (pg_stats, pg_user_mappings) secret.hpp knows.
 */
static constexpr const char *views_for_viewers[] = {
    "pg_stat_activity",
    "pg_stat_replication",
    "pg_stat_wal_receiver",
    "pg_stat_subscription",
    "pg_stat_ssl",
    "pg_stat_gssapi",
    "pg_settings",
    "pg_file_settings",
    "pg_hba_file_rules",
    "pg_ident_file_mappings",
    "pg_cursors",
    "pg_prepared_statements",
    "pg_prepared_xacts",
    "pg_replication_slots",
    "pg_backend_memory_contexts",
    "pg_shmem_allocations",
    "pg_stats_ext",
    "pg_stats_ext_exprs",
};

static bool is_mixed(const List *needs);
static const char *tenant_touched(const List *needs);
static bool is_beyond_tenants(const pg::RelationNeed *need, const List *needs);
static bool is_view_for_viewers(Oid relation);

void
check_viewer(const List *needs)
{
    ListCell *cell;

    if (!is_mixed(needs) || settings::guard == settings::guard_off || is_session_of_tenant() ||
        tenant_of_database() == nullptr || tenant_of_role(GetUserId())->is_tenants)
        return;
    const char *db_id = tenant_touched(needs);
    if (db_id == nullptr)
        return;
    foreach (cell, needs) {
        const auto *need = static_cast<const pg::RelationNeed *>(lfirst(cell));

        if (pg::is_of_relation(need) && is_beyond_tenants(need, needs))
            refuse_always(rule, db_id,
                          psprintf("%s by way of a tenant's", get_rel_name(need->relid)),
                          "Ask for the one and for the other in two statements, or SET ROLE to the "
                          "tenant's group first.");
    }
}

/* Tells whether relations of the server's and others take part: nearly all have of one kind only.
 */
static bool
is_mixed(const List *needs)
{
    bool uses_made = false;
    bool uses_servers = false;
    ListCell *cell;

    foreach (cell, needs) {
        const auto *need = static_cast<const pg::RelationNeed *>(lfirst(cell));

        if (!pg::is_of_relation(need))
            continue;
        uses_made |= need->relid >= FirstNormalObjectId;
        uses_servers |= need->relid < FirstNormalObjectId;
    }
    return uses_made && uses_servers;
}

/* Returns the db_id of the tenant whose relation takes part, or null. */
static const char *
tenant_touched(const List *needs)
{
    ListCell *cell;

    foreach (cell, needs) {
        const auto *need = static_cast<const pg::RelationNeed *>(lfirst(cell));

        if (!pg::is_of_relation(need) || need->relid < FirstNormalObjectId)
            continue;
        Oid owner = owner_of_relation(need->relid);
        const TenantRole *known = OidIsValid(owner) ? tenant_of_role(owner) : nullptr;
        if (known != nullptr && known->is_tenants)
            return known->db_id;
    }
    return nullptr;
}

/* Tells whether the statement does there what a tenant could not do by itself. */
static bool
is_beyond_tenants(const pg::RelationNeed *need, const List *needs)
{
    constexpr AclMode writes = ACL_INSERT | ACL_UPDATE | ACL_DELETE | ACL_TRUNCATE;

    if (need->relid >= FirstNormalObjectId)
        return false;
    if ((need->requiredPerms & writes) != 0 || shows_secret(need, needs))
        return true;
    return (need->requiredPerms & ACL_SELECT) != 0 &&
           (need->relid == LargeObjectRelationId || need->relid == StatisticExtDataRelationId ||
            is_view_for_viewers(need->relid));
}

/* What initdb makes of the catalogs has OIDs above theirs. */
static bool
is_view_for_viewers(Oid relation)
{
    if (relation < FirstUnpinnedObjectId || get_rel_relkind(relation) != RELKIND_VIEW)
        return false;
    const char *name = get_rel_name(relation);
    if (name == nullptr)
        return false;
    for (const char *known : views_for_viewers)
        if (strcmp(known, name) == 0)
            return true;
    return strncmp(name, "pg_stat_progress_", strlen("pg_stat_progress_")) == 0;
}

} // namespace appinfra::guard
