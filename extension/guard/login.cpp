/*
 * Keeps tenants' logins in their own database, the pooler's in tenants' databases, and both out of
 * the last connections of the host.
 *
 * Runs after the password was checked, in the process that is to become the session, before it has
 * entered a database: shared catalogs can be read, with care.
 */
#include "guard/login.hpp"

#include "audit/events.hpp"
#include "audit/login_events.hpp"
#include "base/identifiers.hpp"
#include "base/settings.hpp"
#include "guard/guard.hpp"
#include "guard/hint.hpp"
#include "guard/pooler.hpp"
#include "shmem/disk_limits.hpp"
#include "shmem/sessions.hpp"
#include "shmem/transaction_ids.hpp"

namespace appinfra::guard
{

static constexpr Rule replication = {"login_replication",
                                     "a tenant's login may not open a replication connection."};
static constexpr Rule database = {"login_database",
                                  "a tenant's login enters its own database only."};
static constexpr Rule pooler_database = {"login_database",
                                         "a pooler's login enters tenants' databases only."};
static constexpr Rule reserve = {"login_reserve",
                                 "the last connections of the host are not for tenants."};

static ClientAuthentication_hook_type next_client_authentication;

static void client_authentication(Port *port, int status);
static void admit_pooler(const Port *port, Oid role);
static void check_entrance(const Port *port, const label::Label &label, const Rule *wrong_database);
static void reject(const Rule &rule, const label::Label &label, int code, const char *message);
static bool is_open_to(const char *name, Oid role, label::Label *label);

void
define_login()
{
    next_client_authentication = ClientAuthentication_hook;
    ClientAuthentication_hook = client_authentication;
}

/*
 * A tenant's login enters only a database whose ACL names it for CONNECT (what PUBLIC may does not
 * count), no replication connection, and not one of the reserved connections.
 */
static void
client_authentication(Port *port, int status)
{
    label::Label label = {};

    if (next_client_authentication)
        next_client_authentication(port, status);
    if (status != STATUS_OK)
        return;
    Oid role = get_role_oid(port->user_name, true);
    label::Found found = OidIsValid(role) ? label::read_role(role, &label) : label::Found::none;
    if (found == label::Found::none) {
        if (OidIsValid(role) && strcmp(port->user_name, POOLER_ROLE) == 0)
            admit_pooler(port, role);
        return;
    }
    enter(role, found == label::Found::well_formed ? label.db_id : "-");
    label::Label of_database;
    bool own = found == label::Found::well_formed && label::is_login(label) && !am_walsender &&
               is_open_to(port->database_name, role, &of_database) &&
               strcmp(of_database.db_id, label.db_id) == 0;
    check_entrance(port, label, own ? nullptr : &database);
    sessions::entering(role, port->user_name, label.db_id);
    transaction_ids::count_for(label.db_id);
    disk_limits::enter(label.db_id);
}

/*
 * The pooler's login enters a database that is a tenant's and whose ACL names it. Its session then
 * counts as that tenant's, and does nothing but what guard/pooler.hpp says.
 */
static void
admit_pooler(const Port *port, Oid role)
{
    label::Label label = {.db_id = "-", .kind = {}, .detail = {}};
    bool open = !am_walsender && is_open_to(port->database_name, role, &label) &&
                strcmp(label.kind, "tenant") == 0;

    enter(role, label.db_id);
    pooler::enter();
    check_entrance(port, label, open ? nullptr : &pooler_database);
    sessions::entering(role, port->user_name, label.db_id);
    transaction_ids::count_for(label.db_id);
}

/* Rejects replication, a database that breaks a rule, and whoever comes when the host is full. */
static void
check_entrance(const Port *port, const label::Label &label, const Rule *wrong_database)
{
    if (am_walsender)
        reject(replication, label, ERRCODE_INSUFFICIENT_PRIVILEGE,
               "permission denied for replication");
    if (wrong_database != nullptr)
        reject(*wrong_database, label, ERRCODE_INSUFFICIENT_PRIVILEGE,
               psprintf("permission denied for database \"%s\"", port->database_name));
    if (!pg::has_free_connections(settings::reserved_connections))
        reject(reserve, label, ERRCODE_TOO_MANY_CONNECTIONS,
               "remaining connection slots are not for tenants");
}

/* Records that the login is rejected and ends the process, if the guard is to enforce that. */
static void
reject(const Rule &rule, const label::Label &label, int code, const char *message)
{
    if (settings::guard == settings::guard_off)
        return;
    bool enforced = settings::guard == settings::guard_enforce;
    events::report({.action = "login",
                    .outcome = enforced ? events::Outcome::refused : events::Outcome::done,
                    .rule = rule.name,
                    .db_id = label.db_id,
                    .credential = MyProcPort->user_name,
                    .object = nullptr,
                    .observed = !enforced});
    if (!enforced)
        return;
    login_events::mark_reported();
    ereport(FATAL, (errcode(code), errmsg("%s", message),
                    errdetail("Rule \"%s\": %s", rule.name, rule.reason),
                    errhint("%s", hint::of(rule.name, ""))));
}

/*
 * Reads the label of the database, and tells whether there is one and the ACL names the role for
 * CONNECT. Reads pg_database itself: no syscache finds a database by name, and indexes may not be
 * there yet this early. Nor are TOAST tables: an ACL that has grown into one is not looked at, and
 * core's own check, that comes next, has to do.
 */
static bool
is_open_to(const char *name, Oid role, label::Label *label)
{
    Relation relation = table_open(DatabaseRelationId, AccessShareLock);
    ScanKeyData key;
    bool open = false;
    bool null;

    ScanKeyInit(&key, Anum_pg_database_datname, BTEqualStrategyNumber, F_NAMEEQ,
                CStringGetDatum(name));
    SysScanDesc scan = systable_beginscan(relation, DatabaseNameIndexId,
                                          criticalSharedRelcachesBuilt, nullptr, 1, &key);
    HeapTuple tuple = systable_getnext(scan);
    if (HeapTupleIsValid(tuple)) {
        auto *form = reinterpret_cast<Form_pg_database>(GETSTRUCT(tuple));
        Datum acl = heap_getattr(tuple, Anum_pg_database_datacl, RelationGetDescr(relation), &null);

        open = label::of_database(form->oid, label) && !null &&
               (VARATT_IS_EXTERNAL(DatumGetPointer(acl)) ||
                names_for_connect(DatumGetAclP(acl), role));
    }
    systable_endscan(scan);
    table_close(relation, AccessShareLock);
    return open;
}

bool
names_for_connect(const Acl *acl, Oid role)
{
    for (const AclItem &item : std::span(ACL_DAT(acl), ACL_NUM(acl)))
        if (item.ai_grantee == role && (ACLITEM_GET_PRIVS(item) & ACL_CONNECT) != 0)
            return true;
    return false;
}

} // namespace appinfra::guard
