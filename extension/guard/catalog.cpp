/*
 * Keeps tenants from writing system catalogs. See catalog.hpp.
 *
 * Without it, an UPDATE of pg_authid through a superuser's SECURITY DEFINER function would undo
 * everything else. This is the one executor hook: it looks at values only, and catches nothing.
 */
#include "guard/catalog.hpp"

#include "guard/function.hpp"
#include "guard/growth.hpp"
#include "guard/guard.hpp"
#include "guard/secret.hpp"
#include "guard/viewer.hpp"

namespace appinfra::guard
{

static constexpr Rule write_rule = {"catalog_write", "No tenant writes a system catalog."};
static constexpr Rule secret_rule = {"catalog_secret",
                                     "It shows passwords, verifiers or connections of others."};
static constexpr Rule foreign_rule = {"foreign_data", "It connects the database to others."};

static ExecutorCheckPerms_hook_type next_check;

static bool check_permissions(EXECUTOR_CHECK_PARAMETERS);
static void check_tables(const List *range_table);
static void check_needs(const List *needs);
static bool is_of_script(const pg::RelationNeed *need);
static bool grows(const pg::RelationNeed *need);

void
define_catalogs()
{
    next_check = ExecutorCheckPerms_hook;
    ExecutorCheckPerms_hook = check_permissions;
}

static bool
check_permissions(EXECUTOR_CHECK_PARAMETERS)
{
    saw(Hook::permissions);
    if (is_active()) {
        check_tables(EXECUTOR_CHECK_TABLES);
        check_needs(needs);
    }
    check_viewer(needs);
    return next_check == nullptr || next_check(EXECUTOR_CHECK_ARGUMENTS);
}

/* A foreign table is refused whoever made it: its handler is called without any check. */
static void
check_tables(const List *range_table)
{
    ListCell *cell;

    foreach (cell, range_table) {
        const auto *table = static_cast<const RangeTblEntry *>(lfirst(cell));

        if (table->rtekind == RTE_RELATION && table->relkind == RELKIND_FOREIGN_TABLE)
            refuse(foreign_rule, psprintf("foreign table %s", get_rel_name(table->relid)));
    }
}

/* SELECT … FOR UPDATE needs the right to update, so it is refused as well. */
static void
check_needs(const List *needs)
{
    constexpr AclMode writes = ACL_INSERT | ACL_UPDATE | ACL_DELETE | ACL_TRUNCATE;
    ListCell *cell;

    foreach (cell, needs) {
        const auto *need = static_cast<const pg::RelationNeed *>(lfirst(cell));

        if (grows(need))
            growth::check_write(need->relid);
        if (!pg::is_of_relation(need) || need->relid >= FirstNormalObjectId)
            continue;
        if ((need->requiredPerms & writes) != 0 && IsCatalogRelationOid(need->relid) &&
            !is_of_script(need))
            refuse(write_rule, psprintf("writing %s", get_rel_name(need->relid)));
        if (shows_secret(need, needs))
            refuse(secret_rule, psprintf("reading %s", get_rel_name(need->relid)));
    }
}

/* SELECT … FOR UPDATE needs the right to update as well, but of no column. */
static bool
grows(const pg::RelationNeed *need)
{
    return (need->requiredPerms & ACL_INSERT) != 0 ||
           ((need->requiredPerms & ACL_UPDATE) != 0 && need->updatedCols != nullptr);
}

/* The scripts of cube and seg correct how the parts of their operator classes depend on it. */
static bool
is_of_script(const pg::RelationNeed *need)
{
    if (need->relid != DependRelationId ||
        (need->requiredPerms & (ACL_INSERT | ACL_DELETE | ACL_TRUNCATE)) != 0)
        return false;
    const char *extension = extension_at_work();
    return extension != nullptr &&
           (strcmp(extension, "cube") == 0 || strcmp(extension, "seg") == 0);
}

} // namespace appinfra::guard
