/* Keeps a session what its client made of it. See identity.hpp. */
#include "guard/identity.hpp"

#include "guard/tenant_of.hpp"

namespace appinfra::guard::identity
{

const Rule rule = {
    "setting_identity",
    "While a session is a tenant's role, only its client takes that back, by a SET or "
    "RESET outside of any function."};

bool client_changes;

static bool is_identity(const char *setting);
static bool is_tenants_role_now();

bool
is_clients_change(const Node *statement, ProcessUtilityContext context)
{
    return context == PROCESS_UTILITY_TOPLEVEL &&
           (IsA(statement, VariableSetStmt) || IsA(statement, DiscardStmt));
}

/* RESET ROLE and SET SESSION AUTHORIZATION DEFAULT pass no check of the setting's value. */
void
check_statement(const Node *statement, ProcessUtilityContext context)
{
    if (context == PROCESS_UTILITY_TOPLEVEL || !IsA(statement, VariableSetStmt) ||
        is_session_of_tenant())
        return;
    const char *name = reinterpret_cast<const VariableSetStmt *>(statement)->name;
    if (name != nullptr && is_identity(name) && is_tenants_role_now())
        refuse_always(rule, nullptr, psprintf("setting \"%s\"", name));
}

/* A parallel worker takes over from its leader what it is. */
bool
may_change()
{
    return client_changes || InitializingParallelWorker || !is_tenants_role_now();
}

static bool
is_identity(const char *setting)
{
    return pg_strcasecmp(setting, "role") == 0 ||
           pg_strcasecmp(setting, "session_authorization") == 0;
}

static bool
is_tenants_role_now()
{
    return tenant_of_role(GetUserId())->is_tenants || tenant_of_role(GetOuterUserId())->is_tenants;
}

} // namespace appinfra::guard::identity
