/*
 * What a tenant may see of the host's lists: its own statements, and the extensions it may have.
 *
 * pg_stat_statements shows the statements of all databases; only rows of this database and of the
 * tenant's own roles leave it here. Rows count by the role that the session had become, the group
 * of its access.
 */
#include "base/label.hpp"
#include "base/settings.hpp"
#include "entry/arguments.hpp"
#include "entry/statement_rows.hpp"
#include "guard/function.hpp"

using namespace appinfra;

extern "C" {
SQL_FUNCTION(appinfra_tenant_statements);
SQL_FUNCTION(appinfra_tenant_extensions);
}

static bool is_visible(Oid role, const label::Label &mine);
static void add_extension(ReturnSetInfo *result, const char *name);

Datum
appinfra_tenant_statements(PG_FUNCTION_ARGS)
{
    label::Label mine;

    if (!label::of_role(GetAuthenticatedUserId(), &mine))
        mine = {};
    statement_rows::add(fcinfo, "tenant_statements()", MyDatabaseId, is_visible, mine);
    PG_RETURN_VOID();
}

Datum
appinfra_tenant_extensions(PG_FUNCTION_ARGS)
{
    ReturnSetInfo *result = arguments::begin_set(fcinfo, "tenant_extensions()");
    char *names = const_cast<char *>(settings::effective_extensions());

    for (char *rest = names, *name = strtok_r(names, ", ", &rest); name != nullptr;
         name = strtok_r(nullptr, ", ", &rest))
        add_extension(result, name);
    PG_RETURN_VOID();
}

/* An owner sees what all of the tenant's roles ran, others what ran as their login or its group. */
static bool
is_visible(Oid role, const label::Label &mine)
{
    label::Label other;

    if (mine.db_id[0] == '\0')
        return false;
    if (role == GetAuthenticatedUserId())
        return true;
    return label::of_role(role, &other) && strcmp(other.db_id, mine.db_id) == 0 &&
           (strcmp(mine.detail, "owner") == 0 ||
            (strcmp(other.kind, "group") == 0 && strcmp(other.detail, mine.detail) == 0));
}

/* Adds an extension that the server has. */
static void
add_extension(ReturnSetInfo *result, const char *name)
{
    const char *version = guard::control_item(name, "default_version");
    const char *trusted = guard::control_item(name, "trusted");
    bool is_trusted = false;
    Oid installed = get_extension_oid(name, true);

    if (version == nullptr)
        return;
    (void)parse_bool(trusted != nullptr ? trusted : "false", &is_trusted);
    Datum values[] = {CStringGetTextDatum(name), CStringGetTextDatum(version),
                      BoolGetDatum(OidIsValid(installed)),
                      CStringGetTextDatum(is_trusted ? "CREATE EXTENSION" : "platform")};
    bool nulls[lengthof(values)] = {};
    tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}
