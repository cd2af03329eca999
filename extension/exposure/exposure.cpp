/* Puts the rows of exposures() together. See exposure.hpp. */
#include "exposure/exposure.hpp"

#include "base/identifiers.hpp"
#include "base/query.hpp"
#include "base/refusal.hpp"
#include "base/scope.hpp"
#include "exposure/look_inside.hpp"
#include "exposure/rules.hpp"
#include "exposure/system_definitions.hpp"

namespace appinfra::exposure
{

/* Where rows go, and where it is being looked. */
struct Report {
    ReturnSetInfo *result;
    std::span<const Look> looks;
    Definitions wanted; /* of the closed template */
};

static void check_exists(const char *db_id);
static void look_at_host(const char *db_id, Report *report);
static void ask(Rule &rule, const char *db_id, Report *report);
static std::span<const Look> plan(const char *db_id, const char *system_digest);
static void add(void *report, const Row &row);
static void look_inside_all(Report *report);
static void add_fields(Report *report, std::span<const char *const> fields);
static void on_row(void *report, size_t which, std::span<const char *const> fields);
static void compare(Report *report, const Look &look, const Definition &found);
static void add_not_looked_at(Report *report, const char *database, const char *db_id,
                              const char *message);
static void on_failure(void *report, size_t which, int code, const char *message);

void
report(const char *db_id, ReturnSetInfo *result)
{
    Report report = {.result = result, .looks = {}, .wanted = {}};

    with_spi([&](MemoryContext) {
        if (db_id != nullptr)
            check_exists(db_id);
        look_at_host(db_id, &report);
        report.wanted = definitions_of_template(false);
        if (report.wanted.failure != nullptr)
            add_not_looked_at(&report, report.wanted.database, nullptr, report.wanted.failure);
        report.looks = plan(db_id, report.wanted.digest);
        look_inside_all(&report);
    });
}

static void
check_exists(const char *db_id)
{
    static query::Query select = {"SELECT FROM appinfra.tenant WHERE db_id = $1"};

    if (query::run(select, {query::text(db_id)}).count == 0)
        raise(refuse(ERRCODE_UNDEFINED_OBJECT,
                     psprintf("database \"%s\" does not exist", identifiers::excerpt(db_id)),
                     nullptr, "Look at appinfra.databases."));
}

/* Reports the exposures of the host, and those of the tenant, or of all, in shared catalogs. */
static void
look_at_host(const char *db_id, Report *report)
{
    look_at_server(add, report);
    for (std::span<Rule> rules : {server_rules(), role_rules(), database_rules()})
        for (Rule &rule : rules)
            ask(rule, db_id, report);
}

/* Reports the rows of one rule of the host. */
static void
ask(Rule &rule, const char *db_id, Report *report)
{
    const char *fields[columns];
    query::Rows rows = query::run(rule.query, {query::text(db_id)});

    for (uint64 i = 0; i < rows.count; i++) {
        for (int column = 0; column < columns; column++)
            fields[column] = rows.text(i, column + 1);
        add_fields(report, fields);
    }
}

/*
 * Returns where to look: in the tenant's database, or in all tenants' and in template1. As whom
 * DATABASE_URL enters is told, because it matters whether tables bind their owner.
 */
static std::span<const Look>
plan(const char *db_id, const char *system_digest)
{
    static query::Query select = {
        "SELECT d.oid, t.database::text, t.db_id, coalesce("
        "       (SELECT " SQL_GROUP_ROLE(
            "t.database",
            "b.access") "          FROM appinfra.binding b WHERE b.db_id = t.db_id AND NOT b.ended"
                        "           AND 'DATABASE_URL' = ANY (b.variables) LIMIT 1), '')"
                        "  FROM appinfra.tenant t JOIN pg_catalog.pg_database d ON d.datname = "
                        "t.database"
                        " WHERE t.status NOT IN ('dropping', 'dropped') AND ($1 IS NULL OR t.db_id "
                        "= $1)"
                        " UNION ALL"
                        " SELECT oid, datname::text, NULL, '' FROM pg_catalog.pg_database"
                        "  WHERE datname = 'template1' ORDER BY 3"};
    query::Rows rows = query::run(select, {query::text(db_id)});

    return query::collect<Look>(rows, [&](uint64 i) {
        Look look = {.database = rows.oid(i, 1),
                     .name = {},
                     .db_id = {},
                     .login_group = {},
                     .system_digest = {}};

        strlcpy(look.name, rows.text(i, 2), sizeof(look.name));
        if (!rows.is_null(i, 3)) {
            strlcpy(look.db_id, rows.text(i, 3), sizeof(look.db_id));
            strlcpy(look.system_digest, system_digest != nullptr ? system_digest : "",
                    sizeof(look.system_digest));
        }
        strlcpy(look.login_group, rows.text(i, 4), sizeof(look.login_group));
        return look;
    });
}

static void
look_inside_all(Report *report)
{
    auto *tasks = static_cast<database_task::Task *>(
        palloc((report->looks.size() + 1) * sizeof(database_task::Task)));
    size_t count = 0;

    for (const Look &look : report->looks)
        tasks[count++] = task_of(look);
    database_task::run_all({tasks, count}, {.row = on_row, .failure = on_failure, .self = report});
}

/* Appends a row that was found here. */
static void
add(void *report, const Row &row)
{
    const char *fields[columns] = {row.severity, row.rule,   row.database, row.object,
                                   row.grantee,  row.detail, row.remedy};

    add_fields(static_cast<Report *>(report), fields);
}

static void
add_fields(Report *report, std::span<const char *const> fields)
{
    Datum values[columns];
    bool nulls[columns];

    for (int i = 0; i < columns; i++) {
        nulls[i] = fields[i] == nullptr;
        values[i] = nulls[i] ? static_cast<Datum>(0) : CStringGetTextDatum(fields[i]);
    }
    tuplestore_putvalues(report->result->setResult, report->result->setDesc, values, nulls);
}

static void
on_row(void *self, size_t which, std::span<const char *const> fields)
{
    auto *report = static_cast<Report *>(self);

    if (strcmp(fields[0], not_compared) == 0)
        compare(report, report->looks[which], {fields[1], fields[2], nullptr, nullptr});
    else
        add_fields(report, fields);
}

/* Reports a function or a view of the server's that is not what it is in the template. */
static void
compare(Report *report, const Look &look, const Definition &found)
{
    const Definition *wanted = definition_of(report->wanted, found.key);

    if (wanted == nullptr || strcmp(wanted->digest, found.digest) == 0)
        return;
    add(report, {.severity = "critical",
                 .rule = "system_definition",
                 .database = look.name,
                 .object = wanted->name,
                 .grantee = nullptr,
                 .detail = "Superusers rely on it, and it is not what it is in the template.",
                 .remedy = psprintf("SELECT appinfra.harden_tenant('%s')", look.db_id)});
}

/* Reports that a database could not be looked at: it is never passed over in silence. */
static void
on_failure(void *self, size_t which, int, const char *message)
{
    auto *report = static_cast<Report *>(self);
    const Look &look = report->looks[which];

    if (!OidIsValid(get_database_oid(look.name, true)))
        return; /* dropped meanwhile */
    add_not_looked_at(report, look.name, look.db_id[0] != '\0' ? look.db_id : nullptr, message);
}

/* Reports that nothing is known of a database; db_id is null where it is no tenant's. */
static void
add_not_looked_at(Report *report, const char *database, const char *db_id, const char *message)
{
    add(report,
        {.severity = "medium",
         .rule = "not_looked_at",
         .database = database,
         .object = quote_identifier(database),
         .grantee = nullptr,
         .detail = psprintf("What is open in this database is not known: %s.", message),
         .remedy = db_id != nullptr ? psprintf("SELECT * FROM appinfra.exposures('%s')", db_id)
                                    : "SELECT * FROM appinfra.exposures()"});
}

} // namespace appinfra::exposure
