/* Looks at a tenant's database before a worker enters it. See entering.hpp. */
#include "tenant/entering.hpp"

#include "base/label.hpp"
#include "base/refusal.hpp"

namespace appinfra::entering
{

Oid
require_database(const tenant::Tenant &tenant)
{
    Oid database = get_database_oid(tenant.database, true);
    label::Label label;
    LOCKTAG tag;

    if (!OidIsValid(database))
        raise(refuse(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                     psprintf("database \"%s\" does not exist", tenant.database),
                     psprintf("The registry knows it as \"%s\".", tenant.db_id)));
    if (label::of_database(database, &label) && strcmp(label.db_id, tenant.db_id) != 0)
        raise(refuse(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                     psprintf("database \"%s\" is another tenant's", tenant.database),
                     psprintf("Its label says \"%s\".", label.db_id)));
    SET_LOCKTAG_OBJECT(tag, InvalidOid, DatabaseRelationId, database, 0);
    if (pg::holds_lock(tag, AccessExclusiveLock))
        raise(refuse(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                     psprintf("database \"%s\" was renamed in this transaction", tenant.database),
                     "A worker has to enter it, which is possible after the commit.",
                     "COMMIT first."));
    return database;
}

} // namespace appinfra::entering
