/* Keeps tenants' logins in their own database. See guard.hpp. */
#include "guard.hpp"

#include "events.hpp"
#include "label.hpp"
#include "refusal.hpp"
#include "sessions.hpp"

namespace appinfra::guard
{

static ClientAuthentication_hook_type next_client_authentication;

static void client_authentication(Port *port, int status);
static void report_refusal(const char *rule, const label::Label &label);
static bool is_own_database(const char *database, Oid role, const label::Label &login);
static bool acl_names(const Acl *acl, Oid role);

void
define()
{
    next_client_authentication = ClientAuthentication_hook;
    ClientAuthentication_hook = client_authentication;
}

/*
 * After the password was checked: a tenant's login enters only a database whose ACL names it for
 * CONNECT (what PUBLIC may does not count), and no replication connection.
 */
static void
client_authentication(Port *port, int status)
{
    label::Label label;

    if (next_client_authentication)
        next_client_authentication(port, status);
    if (status != STATUS_OK)
        return;
    Oid role = get_role_oid(port->user_name, true);
    if (!OidIsValid(role) || !label::of_role(role, &label))
        return;
    if (am_walsender) {
        report_refusal("login_replication", label);
        ereport(FATAL, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                        errmsg("permission denied for replication"),
                        errdetail("Rule \"login_replication\": a tenant's login may not open a "
                                  "replication connection.")));
    }
    if (strcmp(label.kind, "login") != 0 || !is_own_database(port->database_name, role, label)) {
        report_refusal("login_database", label);
        ereport(FATAL, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                        errmsg("permission denied for database \"%s\"", port->database_name),
                        errdetail("Rule \"login_database\": a tenant's login enters its own "
                                  "database only.")));
    }
    sessions::entering(role);
}

/* Has the audit log say that the login was refused. */
static void
report_refusal(const char *rule, const label::Label &label)
{
    events::report({.action = "login",
                    .outcome = events::Outcome::refused,
                    .rule = rule,
                    .db_id = label.db_id,
                    .credential = nullptr,
                    .object = nullptr,
                    .observed = false});
}

/*
 * Tells whether the database has the label of the login's tenant and its ACL names the login for
 * CONNECT. Reads pg_database itself: no syscache finds a database by name, and indexes may not be
 * there yet this early. Nor are TOAST tables: an ACL that has grown into one is not looked at, and
 * core's own check, that comes next, has to do.
 */
static bool
is_own_database(const char *database, Oid role, const label::Label &login)
{
    Relation relation = table_open(DatabaseRelationId, AccessShareLock);
    label::Label label;
    ScanKeyData key;
    bool own = false;
    bool null;

    ScanKeyInit(&key, Anum_pg_database_datname, BTEqualStrategyNumber, F_NAMEEQ,
                CStringGetDatum(database));
    SysScanDesc scan = systable_beginscan(relation, DatabaseNameIndexId,
                                          criticalSharedRelcachesBuilt, nullptr, 1, &key);
    HeapTuple tuple = systable_getnext(scan);
    if (HeapTupleIsValid(tuple)) {
        auto *form = reinterpret_cast<Form_pg_database>(GETSTRUCT(tuple));
        Datum acl = heap_getattr(tuple, Anum_pg_database_datacl, RelationGetDescr(relation), &null);

        own = label::of_database(form->oid, &label) && strcmp(label.db_id, login.db_id) == 0 &&
              !null &&
              (VARATT_IS_EXTERNAL(DatumGetPointer(acl)) || acl_names(DatumGetAclP(acl), role));
    }
    systable_endscan(scan);
    table_close(relation, AccessShareLock);
    return own;
}

static bool
acl_names(const Acl *acl, Oid role)
{
    for (const AclItem &item : std::span(ACL_DAT(acl), ACL_NUM(acl)))
        if (item.ai_grantee == role && (ACLITEM_GET_PRIVS(item) & ACL_CONNECT) != 0)
            return true;
    return false;
}

} // namespace appinfra::guard
