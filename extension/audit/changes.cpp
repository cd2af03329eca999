/* Notes which databases have changed. See changes.hpp. */
#include "audit/changes.hpp"

#include "base/query.hpp"
#include "base/settings.hpp"
#include "shmem/wakeup.hpp"

namespace appinfra::changes
{

static bool is_change(const char *action);

void
note(const char *action, const char *db_id)
{
    static query::Query insert = {"INSERT INTO appinfra.look_wanted (db_id) VALUES ($1)"};

    if (db_id == nullptr || settings::exposures_interval == 0 || !is_change(action))
        return;
    query::run(insert, {query::text(db_id)});
    wakeup::wake_at_commit(wakeup::Work::exposures);
}

/*
 * Not among them: what changes shared catalogs only, which are read anew each time; and what makes
 * a tenant, since nothing is kept of it yet. A guard that only observes lets the statement through.
 */
static bool
is_change(const char *action)
{
    static constexpr const char *actions[] = {
        "harden_tenant",   "install_extension", "restore_tenant", "retain_tenant",
        "rename_database", "rename_login",      "drop_login",     "bind_variables",
        "bind_app",        "unbind_variables"};

    for (const char *one : actions)
        if (strcmp(action, one) == 0)
            return true;
    return strcmp(action, "guard") == 0 && settings::guard != settings::guard_enforce;
}

} // namespace appinfra::changes
