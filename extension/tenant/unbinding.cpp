/* Unbinds variables. See unbinding.hpp. */
#include "tenant/unbinding.hpp"

#include "audit/audit.hpp"
#include "base/identifiers.hpp"
#include "base/scope.hpp"
#include "registry/published_key.hpp"
#include "tenant/readiness.hpp"
#include "tenant/revocation.hpp"

namespace appinfra::unbinding
{

static const Refusal *check_names(std::span<const char *const> names);
static void record(const tenant::Tenant &tenant, const char *app_id, const char *container,
                   const char *names);

void
unbind(const char *db_id, std::span<const char *const> names,
       const wanted::Environment &environment)
{
    require(readiness::check_transaction());
    require(wanted::check_environment(environment));
    require(check_names(names));
    with_spi([&](MemoryContext) {
        tenant::Tenant tenant = tenant::lock_ready(db_id);
        const char *app_id = environment.app_id != nullptr ? environment.app_id : tenant.app_id;
        StringInfoData list;

        initStringInfo(&list);
        for (const char *name : names) {
            binding::Place place =
                binding::of_app(app_id, binding::one_variable(name), false, environment.container);

            if (const binding::Binding *key = published_key::find(tenant.db_id, place.target, name))
                published_key::end(key->id, "variable unbound");
            else
                revocation::revoke_binding(tenant,
                                           binding::find(tenant.db_id, tenant.app_id, place).id,
                                           "variable unbound", revocation::RoleName::kept);
            appendStringInfo(&list, "%s%s", list.len > 0 ? ", " : "", name);
        }
        record(tenant, app_id, environment.container, list.data);
    });
}

void
unbind_transferred(const tenant::Tenant &tenant, const char *app_id)
{
    bool own = strcmp(tenant.app_id, app_id) == 0;

    for (const binding::Binding &binding :
         binding::of_tenant(tenant.db_id, binding::Which::living)) {
        if ((strcmp(binding.app_id, app_id) == 0) == own)
            continue;
        revocation::revoke_binding(tenant, binding.id, "app transferred",
                                   revocation::RoleName::kept);
        record(tenant, binding.app_id, binding.container,
               binding::first_variable(binding.variables));
    }
    for (const binding::Binding &binding : published_key::of_tenant(tenant.db_id)) {
        if ((strcmp(binding.app_id, app_id) == 0) == own)
            continue;
        published_key::end(binding.id, "app transferred");
        record(tenant, binding.app_id, binding.container, published_key::key_variable);
    }
}

/* Refuses none, too many, and a name that comes twice. */
static const Refusal *
check_names(std::span<const char *const> names)
{
    if (const Refusal *refusal = wanted::check_count("variables", names.size()))
        return refusal;
    for (const char *const &name : names)
        for (const char *earlier : names.first(&name - names.data()))
            if (strcmp(earlier, name) == 0)
                return refuse(
                    ERRCODE_INVALID_PARAMETER_VALUE,
                    psprintf("variable \"%s\" is given twice", identifiers::excerpt(name)));
    return nullptr;
}

static void
record(const tenant::Tenant &tenant, const char *app_id, const char *container, const char *names)
{
    const Jsonb *detail =
        audit::detail({{"app_id", app_id}, {"container", container}, {"variables", names}});

    audit::record("unbind_variables", tenant.db_id, nullptr, detail);
}

} // namespace appinfra::unbinding
