/*
 * The function that a pooler asks for the verifier of a login.
 *
 * It answers for whoever could log in to this database now by password, and for nobody else: what
 * it does not answer for, the pooler rejects. Who is let in by the pooler has still to pass the
 * server, to which the pooler logs in as that login.
 */
#include "base/identifiers.hpp"
#include "base/label.hpp"
#include "guard/login.hpp"

using namespace appinfra;

extern "C" {
SQL_FUNCTION(appinfra_pooler_auth);
}

static void add_login(const char *username, ReturnSetInfo *result);
static bool is_login_of_database(Oid role);
static bool may_connect(Oid role);
static bool is_valid_now(HeapTuple role);

Datum
appinfra_pooler_auth(PG_FUNCTION_ARGS)
{
    const char *username = text_to_cstring(PG_GETARG_TEXT_PP(0));

    if (GetAuthenticatedUserId() != get_role_oid(POOLER_ROLE, true))
        raise(refuse(ERRCODE_INSUFFICIENT_PRIVILEGE,
                     "permission denied for function appinfra_pooler_auth",
                     "It answers in a session of \"" POOLER_ROLE "\" only."));
    InitMaterializedSRF(fcinfo, 0);
    if (strlen(username) < NAMEDATALEN)
        add_login(username, reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo));
    PG_RETURN_VOID();
}

/* Adds the row of the login, if it is one of this database that may log in now. */
static void
add_login(const char *username, ReturnSetInfo *result)
{
    HeapTuple tuple = SearchSysCache1(AUTHNAME, CStringGetDatum(username));

    if (!HeapTupleIsValid(tuple))
        return;
    const auto *form = reinterpret_cast<Form_pg_authid>(GETSTRUCT(tuple));
    bool nulls[2] = {};
    Datum verifier = SysCacheGetAttr(AUTHNAME, tuple, Anum_pg_authid_rolpassword, &nulls[1]);
    if (form->rolcanlogin && !form->rolsuper && !nulls[1] &&
        get_password_type(TextDatumGetCString(verifier)) == PASSWORD_TYPE_SCRAM_SHA_256 &&
        is_valid_now(tuple) && is_login_of_database(form->oid) && may_connect(form->oid)) {
        Datum values[] = {NameGetDatum(&form->rolname), verifier};

        tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
    }
    ReleaseSysCache(tuple);
}

/* Tells whether the role's label is that of a login of the tenant whose this database is. */
static bool
is_login_of_database(Oid role)
{
    label::Label login;
    label::Label database;

    return label::of_role(role, &login) && label::of_database(MyDatabaseId, &database) &&
           strcmp(login.kind, "login") == 0 && strcmp(database.kind, "tenant") == 0 &&
           strcmp(login.db_id, database.db_id) == 0;
}

/* Tells whether the ACL of this database names the role, as the login hook wants it. */
static bool
may_connect(Oid role)
{
    HeapTuple tuple = SearchSysCache1(DATABASEOID, ObjectIdGetDatum(MyDatabaseId));
    bool null = true;

    if (!HeapTupleIsValid(tuple))
        return false;
    Datum acl = SysCacheGetAttr(DATABASEOID, tuple, Anum_pg_database_datacl, &null);
    bool found = !null && guard::names_for_connect(DatumGetAclP(acl), role);
    ReleaseSysCache(tuple);
    return found;
}

static bool
is_valid_now(HeapTuple role)
{
    bool null;
    Datum until = SysCacheGetAttr(AUTHNAME, role, Anum_pg_authid_rolvaliduntil, &null);

    return null || DatumGetTimestampTz(until) >= GetCurrentTimestamp();
}
