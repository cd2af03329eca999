/* Hooks object access, and hands on to the rules that are concerned. See hook_object_access.hpp. */
#include "guard/hook_object_access.hpp"

#include "base/settings.hpp"
#include "guard/aggregate.hpp"
#include "guard/code.hpp"
#include "guard/function.hpp"
#include "guard/growth.hpp"
#include "guard/guard.hpp"
#include "guard/object.hpp"
#include "guard/others_table.hpp"
#include "guard/pooler.hpp"
#include "guard/session_state.hpp"
#include "guard/setting.hpp"
#include "guard/snapshot_export.hpp"
#include "guard/stored_tree.hpp"

namespace appinfra::guard
{

static object_access_hook_type next_object_access;

static void object_access(ObjectAccessType access, Oid class_id, Oid object_id, int part,
                          void *argument);
static void check_made(ObjectAccessType access, Oid class_id, Oid object_id, int part,
                       void *argument);
static void check_execution(Oid function);

void
define_object_access()
{
    next_object_access = object_access_hook;
    object_access_hook = object_access;
}

static void
object_access(ObjectAccessType access, Oid class_id, Oid object_id, int part, void *argument)
{
    saw(Hook::object);
    if (is_active()) {
        if (access == OAT_FUNCTION_EXECUTE)
            check_execution(object_id);
        else if (access == OAT_POST_CREATE || access == OAT_POST_ALTER)
            check_made(access, class_id, object_id, part, argument);
        else if (access == OAT_DROP)
            check_object(access, class_id, object_id);
    }
    if (next_object_access)
        next_object_access(access, class_id, object_id, part, argument);
}

static void
check_made(ObjectAccessType access, Oid class_id, Oid object_id, int part, void *argument)
{
    if (access == OAT_POST_CREATE && class_id == ExtensionRelationId) {
        check_extension(object_id);
        return;
    }
    if (class_id == InheritsRelationId) {
        check_parent(static_cast<const ObjectAccessPostAlter *>(argument)->auxiliary_id);
        return;
    }
    if (access == OAT_POST_CREATE && class_id == ProcedureRelationId)
        note_function_made(object_id);
    check_object(access, class_id, object_id);
    check_others_table(class_id, object_id);
    check_stored(class_id, object_id, part);
    session_state::check_name(class_id, object_id);
}

/*
 * In a tenant's session a superuser's function may call what the tenant has made: that is refused
 * here. In others the hook around the call itself does it (hook_function_call.hpp).
 */
static void
check_execution(Oid function)
{
    if (pooler::is_session()) {
        pooler::check_function(function);
        return;
    }
    const Verdict *found = verdict_on(function);

    session_state::check_call(function);
    growth::check_function(function);
    if (found->denied) {
        const char *name = get_func_name(function);

        refuse(found->rule, psprintf("function %s", name != nullptr ? name : "?"));
    } else if (found->shows_activity && has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_STATS)) {
        refuse(activity_rule, "queries of other sessions");
    } else if (function == F_PG_EXPORT_SNAPSHOT) {
        check_snapshot_export();
    } else if (function == F_PG_SHOW_ALL_SETTINGS && is_tenant_session()) {
        hide_secret_settings(settings::guard == settings::guard_enforce);
    } else if (function >= FirstNormalObjectId && is_tenant_session()) {
        check_code(*code_of(function));
    }
}

} // namespace appinfra::guard
