/* Binds variables. See variables.hpp. */
#include "tenant/variables.hpp"

#include "audit/audit.hpp"
#include "base/scope.hpp"
#include "base/settings.hpp"
#include "tenant/apps.hpp"
#include "tenant/readiness.hpp"
#include "tenant/rotation.hpp"
#include "tenant/wanted.hpp"

namespace appinfra::variables
{

static void admit_app(const Request &request);
static void bind_one(connection_builder::Builder *builder, const tenant::Tenant &tenant,
                     const wanted::Variable &variable, const binding::Place &place);
static void change_access(connection_builder::Builder *builder, const tenant::Tenant &tenant,
                          const binding::Binding &held, const wanted::Variable &variable);
static const char *list_of(std::span<const wanted::Variable> variables);

connection_builder::Connection
bind(const Request &request)
{
    connection_builder::Connection connection = {};
    const wanted::Environment &environment = request.environment;

    require(readiness::check_transaction());
    require(readiness::check_host());
    require(wanted::check_environment(environment));
    require(wanted::check_object(request.env));
    with_spi([&](MemoryContext caller) {
        std::span<const wanted::Variable> variables = wanted::parse(request.env);

        require(wanted::check(variables));
        if (environment.app_id != nullptr)
            admit_app(request);
        tenant::Tenant tenant = tenant::lock_ready(request.db_id);
        const char *app_id = environment.app_id != nullptr ? environment.app_id : tenant.app_id;
        connection_builder::Builder builder =
            connection_builder::begin(caller, tenant.db_id, tenant.database, request.publish);
        for (const wanted::Variable &variable : variables)
            bind_one(&builder, tenant, variable,
                     wanted::place_of(variable, app_id, environment.container));
        connection = connection_builder::end(&builder);
        const Jsonb *detail = audit::detail({{"app_id", app_id},
                                             {"container", environment.container},
                                             {"variables", list_of(variables)},
                                             {"publish", request.publish ? "true" : "false"}});

        if (environment.app_id != nullptr)
            audit::record("bind_app", tenant.db_id, connection.username, detail);
        else
            audit::record("bind_variables", tenant.db_id, connection.username, detail);
    });
    return connection;
}

/* Locks the app, and that of the database, if both are one owner's; registers one that is new. */
static void
admit_app(const Request &request)
{
    const tenant::Ownership owned = tenant::read_ownership(request.db_id);

    apps::admit_other(request.environment.app_id, owned.owner_user_id, owned.app_id);
}

/* Binds a variable, or brings one that the database has there to what is asked for. */
static void
bind_one(connection_builder::Builder *builder, const tenant::Tenant &tenant,
         const wanted::Variable &variable, const binding::Place &place)
{
    const binding::Binding *held = binding::look_up(tenant.db_id, place);

    if (held == nullptr) {
        wanted::reserve(place);
        connection_builder::add_binding(builder, place, variable.access);
    } else if (strcmp(held->access, variable.access) == 0 && held->pooled == variable.pooled) {
        connection_builder::add_existing(builder, credential::newest_name(held->id), *held);
    } else {
        change_access(builder, tenant, *held, variable);
    }
}

/* Gives the binding another access, or another way. What it has retires as in a rotation. */
static void
change_access(connection_builder::Builder *builder, const tenant::Tenant &tenant,
              const binding::Binding &held, const wanted::Variable &variable)
{
    binding::Binding changed = binding::lock(held.id);

    if (variable.pooled)
        require(settings::check_pooler());
    binding::set_access(changed.id, variable.access, variable.pooled);
    changed.access = variable.access;
    changed.pooled = variable.pooled;
    rotation::replace(builder, tenant, changed,
                      {.db_id = tenant.db_id,
                       .variable = variable.name,
                       .service_id = nullptr,
                       .host_id = nullptr,
                       .app_id = changed.app_id,
                       .container = changed.container,
                       .grace = nullptr,
                       .deadline = nullptr,
                       .publish = builder->publish});
}

/* Returns the variables with their access, for the audit. */
static const char *
list_of(std::span<const wanted::Variable> variables)
{
    StringInfoData list;

    initStringInfo(&list);
    for (const wanted::Variable &variable : variables)
        appendStringInfo(&list, "%s%s %s%s", list.len > 0 ? ", " : "", variable.name,
                         variable.access, variable.pooled ? " via pooler" : "");
    return list.data;
}

} // namespace appinfra::variables
