/* Lets keys ask, or not. See key_caller.hpp. */
#include "gateway/key_caller.hpp"

#include "base/identifiers.hpp"
#include "base/lock.hpp"

namespace appinfra::keys
{

key::Key
require_caller(const char *caller)
{
    lock::share(lock::Kind::api_key, caller); /* nobody revokes it before this has ended */
    const key::Key *key = key::look(caller);

    if (key == nullptr || !key->is_active)
        raise(refuse(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION,
                     psprintf("key \"%s\" is not active", identifiers::excerpt(caller)),
                     "It is unknown, has expired, or is revoked."));
    if (!key->is_workspace_ready())
        raise(refuse(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                     psprintf("database \"%s\" is not ready", key->db_id),
                     psprintf("Its status is \"%s\".", key->workspace_status)));
    key::mark_used(caller);
    return *key;
}

const Refusal *
check_dbadmin(const key::Key &caller)
{
    if (caller.is_dbadmin())
        return nullptr;
    return refuse(ERRCODE_INSUFFICIENT_PRIVILEGE, "permission denied to handle keys",
                  psprintf("The key's role is \"%s\".", caller.role), "A key of role dbadmin may.");
}

} // namespace appinfra::keys
