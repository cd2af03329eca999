/* Publishes keys. Part of keys.hpp. */
#include "gateway/keys.hpp"

#include "audit/audit.hpp"
#include "base/identifiers.hpp"
#include "base/scope.hpp"
#include "base/settings.hpp"
#include "registry/publication.hpp"
#include "registry/published_key.hpp"
#include "registry/tenant.hpp"
#include "tenant/apps.hpp"

namespace appinfra::keys
{

static const Refusal *check_gateway();

const char *
publish(const char *workspace, const char *role, const char *target_app)
{
    const char *key_id = nullptr;

    require(check_role(role));
    require(check_gateway());
    if (target_app != nullptr)
        require(identifiers::check_app_id(target_app));
    with_spi([&](MemoryContext caller) {
        const char *db_id = tenant::find_workspace(workspace);

        if (target_app != nullptr) {
            const tenant::Ownership owned = tenant::read_ownership(db_id);
            apps::admit_other(target_app, owned.owner_user_id, owned.app_id);
        }
        const tenant::Tenant tenant = tenant::lock_ready(db_id);
        const char *app_id = target_app != nullptr ? target_app : tenant.app_id;
        const binding::Place place = binding::of_app(app_id, published_key::variables(), false);

        require_room(tenant.db_id);
        require(binding::reserve(place));
        const int64 binding_id = binding::create_for_key(place, tenant.db_id, key::access_of(role));
        const published_key::Key key = published_key::plan(binding::read(binding_id), person());
        publication::enqueue(binding_id, key.number);
        audit::record("publish_key", tenant.db_id, key.key_id,
                      audit::detail({{"role", role}, {"app_id", app_id}}));
        in_context(caller, [&] { key_id = pstrdup(key.key_id); });
    });
    return key_id;
}

static const Refusal *
check_gateway()
{
    if (settings::gateway_url[0] != '\0')
        return nullptr;
    return refuse(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, "appinfra.gateway_url is not set",
                  "An app needs the URL by which it reaches the gateway.",
                  "ALTER SYSTEM SET appinfra.gateway_url = '...'; SELECT pg_reload_conf();");
}

} // namespace appinfra::keys
