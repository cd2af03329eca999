/* Runs an extension's script in a tenant's database. See extension_script.hpp. */
#include "tenant/extension_script.hpp"

#include "base/query.hpp"
#include "base/refusal.hpp"
#include "base/scope.hpp"
#include "guard/hardening_script.hpp"
#include "guard/source_rules.hpp"
#include "workers/task_process.hpp"

namespace appinfra::extension_script
{

static void install(const Order &order);
static void check_absent(const char *name);
static void prepare_schema(const char *name);
static void check_required(const char *name, const char *version);
static void check_schema(const char *name);
static void create(const Order &order, const char *schema);
static void check_members(const char *name);
static void close_members(const char *name);

Order
order_of(const char *name, const char *version)
{
    Order order = {};

    strlcpy(order.name, name, sizeof(order.name));
    strlcpy(order.version, version != nullptr ? version : "", sizeof(order.version));
    return order;
}

database_task::Task
task_of(const Order &order, Oid database)
{
    return {.name = "extension",
            .entry_point = "appinfra_extension_main",
            .database = database,
            .on_standby = false,
            .input = order};
}

/* All of it in one transaction: what is refused at the end leaves nothing. */
static void
install(const Order &order)
{
    static query::Query select = {
        "SELECT v.version, coalesce(v.schema, $3)"
        "  FROM pg_catalog.pg_available_extension_versions() v"
        "  JOIN pg_catalog.pg_available_extensions() a ON a.name = v.name"
        " WHERE v.name = $1::name AND v.version = coalesce(nullif($2, ''), a.default_version)"};

    in_transaction([&](MemoryContext) {
        hardening::check_event_triggers();
        check_absent(order.name);
        query::Rows rows = query::run(select, {query::text(order.name), query::text(order.version),
                                               query::text(common_schema)});
        if (rows.count == 0)
            raise(refuse(ERRCODE_UNDEFINED_FILE, "the server has no such extension"));
        const char *fields[] = {rows.text(0, 1), rows.text(0, 2)};
        check_required(order.name, fields[0]);
        prepare_schema(fields[1]);
        check_schema(fields[1]);
        create(order, fields[1]);
        check_members(order.name);
        close_members(order.name);
        task_process::send_row(fields);
    });
}

static void
check_absent(const char *name)
{
    static query::Query select = {
        "SELECT extversion FROM ONLY pg_catalog.pg_extension WHERE extname = $1::name"};
    query::Rows rows = query::run(select, {query::text(name)});

    if (rows.count > 0)
        raise(refuse(ERRCODE_DUPLICATE_OBJECT,
                     psprintf("version %s of \"%s\" is there already", rows.text(0, 1), name)));
}

/* The script's search_path has the schemas of the extensions that it needs. */
static void
check_required(const char *name, const char *version)
{
    static query::Query select = {
        "SELECT r.name::text, n.nspname::text FROM pg_catalog.pg_available_extension_versions() v"
        " CROSS JOIN unnest(v.requires) r (name)"
        "  LEFT JOIN ONLY pg_catalog.pg_extension e ON e.extname = r.name"
        "  LEFT JOIN ONLY pg_catalog.pg_namespace n ON n.oid = e.extnamespace"
        " WHERE v.name = $1::name AND v.version = $2"};
    query::Rows rows = query::run(select, {query::text(name), query::text(version)});

    for (uint64 i = 0; i < rows.count; i++) {
        if (rows.is_null(i, 2))
            raise(refuse(ERRCODE_UNDEFINED_OBJECT,
                         psprintf("it needs \"%s\", which is not installed", rows.text(i, 1))));
        check_schema(rows.text(i, 2));
    }
}

/* Makes the schema, unless there is one, a superuser's, and lets the tenant use what is in it. */
static void
prepare_schema(const char *name)
{
    const char *quoted = quote_identifier(name);

    if (!OidIsValid(get_namespace_oid(name, true)))
        query::execute(
            psprintf("CREATE SCHEMA %s; GRANT USAGE ON SCHEMA %s TO PUBLIC", quoted, quoted));
}

/*
 * Raises unless the schema is a superuser's, nobody else may create in it, and nothing in it is
 * anybody else's: the script would find that first.
 */
static void
check_schema(const char *name)
{
    static query::Query select = {R"sql(
SELECT FROM ONLY pg_catalog.pg_namespace n
 WHERE n.nspname = $1::name
   AND NOT EXISTS (SELECT FROM (SELECT n.nspowner AS role
        UNION ALL SELECT a.grantee FROM aclexplode(n.nspacl) a WHERE a.privilege_type = 'CREATE'
        UNION ALL SELECT relowner FROM ONLY pg_catalog.pg_class WHERE relnamespace = n.oid
        UNION ALL SELECT proowner FROM ONLY pg_catalog.pg_proc WHERE pronamespace = n.oid
        UNION ALL SELECT typowner FROM ONLY pg_catalog.pg_type WHERE typnamespace = n.oid
        UNION ALL SELECT oprowner FROM ONLY pg_catalog.pg_operator WHERE oprnamespace = n.oid
        UNION ALL SELECT opcowner FROM ONLY pg_catalog.pg_opclass WHERE opcnamespace = n.oid
        UNION ALL SELECT opfowner FROM ONLY pg_catalog.pg_opfamily WHERE opfnamespace = n.oid
        UNION ALL SELECT collowner FROM ONLY pg_catalog.pg_collation WHERE collnamespace = n.oid
        UNION ALL SELECT conowner FROM ONLY pg_catalog.pg_conversion WHERE connamespace = n.oid
        UNION ALL SELECT dictowner FROM ONLY pg_catalog.pg_ts_dict WHERE dictnamespace = n.oid
        UNION ALL SELECT cfgowner FROM ONLY pg_catalog.pg_ts_config WHERE cfgnamespace = n.oid) o
   LEFT JOIN ONLY pg_catalog.pg_authid r ON r.oid = o.role
  WHERE NOT coalesce(r.rolsuper, false)))sql"};

    if (query::run(select, {query::text(name)}).count == 0)
        raise(refuse(ERRCODE_INVALID_SCHEMA_DEFINITION,
                     psprintf("schema \"%s\" is not a superuser's alone: the script would run what "
                              "others have left there",
                              name)));
}

/* Without CASCADE: what it needs has been looked at. Core puts nothing else on the search_path. */
static void
create(const Order &order, const char *schema)
{
    const char *version =
        order.version[0] != '\0' ? psprintf(" VERSION %s", quote_literal_cstr(order.version)) : "";

    query::execute(psprintf("CREATE EXTENSION %s WITH SCHEMA %s%s", quote_identifier(order.name),
                            quote_identifier(schema), version));
}

#define MEMBERS(kind)                                                                              \
    "  FROM ONLY pg_catalog.pg_extension e JOIN ONLY pg_catalog.pg_depend d"                       \
    "    ON d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.refobjid = e.oid"  \
    "   AND d.deptype = 'e' AND d.classid = 'pg_catalog." kind "'::pg_catalog.regclass"

/* Whatever the extension is called: it must bring no way to files, programs or the network. */
static void
check_members(const char *name)
{
    static query::Query select = {"SELECT pg_describe_object(d.classid, d.objid, 0)" MEMBERS(
        "pg_foreign_data_wrapper") " WHERE e.extname = $1::name UNION ALL "
                                   "SELECT pg_describe_object(d.classid, d.objid, 0)" MEMBERS(
                                       "pg_language") "  JOIN ONLY pg_catalog.pg_language l ON "
                                                      "l.oid = d.objid"
                                                      " WHERE e.extname = $1::name AND NOT "
                                                      "l.lanpltrusted UNION ALL "
                                                      "SELECT pg_describe_object(d.classid, "
                                                      "d.objid, 0)" MEMBERS(
                                                          "pg_event_trigger") " WHERE e.extname = "
                                                                              "$1::name"};
    query::Rows rows = query::run(select, {query::text(name)});

    if (rows.count > 0)
        raise(refuse(ERRCODE_INSUFFICIENT_PRIVILEGE,
                     psprintf("it brings %s, which is not for tenants", rows.text(0, 1))));
}

/* Takes from PUBLIC the functions that no tenant may execute, as hardening does with core's. */
static void
close_members(const char *name)
{
    static query::Query select = {"SELECT d.objid::regprocedure::text, p.prosrc" MEMBERS(
        "pg_proc") "  JOIN ONLY pg_catalog.pg_proc p ON p.oid = d.objid"
                   "  JOIN ONLY pg_catalog.pg_language l ON l.oid = p.prolang"
                   " WHERE e.extname = $1::name AND l.lanname IN ('internal', 'c')"};
    query::Rows rows = query::run(select, {query::text(name)});

    for (uint64 i = 0; i < rows.count; i++)
        if (guard::rule_of_source(rows.text(i, 2)) != nullptr)
            query::execute(psprintf("REVOKE ALL ON FUNCTION %s FROM PUBLIC", rows.text(i, 1)));
}

} // namespace appinfra::extension_script

using namespace appinfra;

/* The process of the task. */
void
appinfra_extension_main(Datum)
{
    task_process::serve(extension_script::install);
}
