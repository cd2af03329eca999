/* Puts the rows of exposures() together. See exposure.hpp. */
#include "exposure/exposure.hpp"

#include "base/identifiers.hpp"
#include "base/query.hpp"
#include "base/refusal.hpp"
#include "base/scope.hpp"

namespace appinfra::exposure
{

/* Where rows go, and what is being visited. */
struct Report {
    ReturnSetInfo *result;
    std::span<const visit::Order> orders;
};

static void check_exists(const char *db_id);
static void look_at_host(const char *db_id, Report *report);
static void ask(Rule &rule, const char *db_id, Report *report);
static std::span<const visit::Order> plan(const char *db_id);
static void add(void *report, const Row &row);
static void add_fields(Report *report, const char *const *fields);
static void on_row(void *report, size_t which, const char *const *fields);
static void on_failure(void *report, size_t which, int code, const char *message);

void
report(const char *db_id, ReturnSetInfo *result)
{
    Report report = {.result = result, .orders = {}};

    with_spi([&](MemoryContext) {
        if (db_id != nullptr)
            check_exists(db_id);
        look_at_host(db_id, &report);
        report.orders = plan(db_id);
        visit::carry_out(report.orders, {.row = on_row, .failure = on_failure, .self = &report});
    });
}

static void
check_exists(const char *db_id)
{
    static query::Query select = {"SELECT FROM appinfra.tenant WHERE db_id = $1"};

    if (query::run(select, {query::text(db_id)}) == 0)
        raise(refuse(ERRCODE_UNDEFINED_OBJECT,
                     psprintf("database \"%s\" does not exist", identifiers::excerpt(db_id)),
                     nullptr, "Look at appinfra.databases."));
}

/* Reports what is open on the host, and what shared catalogs tell of the tenant, or of all. */
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
    const char *fields[visit::columns];
    uint64 count = query::run(rule.query, {query::text(db_id)});

    for (uint64 i = 0; i < count; i++) {
        for (int column = 0; column < visit::columns; column++)
            fields[column] = query::text_at(i, column + 1);
        add_fields(report, fields);
    }
}

/*
 * Returns the visits to be made: to the tenant's database, or to all tenants' and to template1. As
 * whom DATABASE_URL enters is told, because it matters whether tables bind their owner.
 */
static std::span<const visit::Order>
plan(const char *db_id)
{
    static query::Query select = {
        "SELECT d.oid, t.database::text, t.db_id, coalesce((SELECT t.database || '_' || b.access"
        "          FROM appinfra.binding b WHERE b.db_id = t.db_id AND NOT b.ended"
        "           AND 'DATABASE_URL' = ANY (b.variables) LIMIT 1), '')"
        "  FROM appinfra.tenant t JOIN pg_catalog.pg_database d ON d.datname = t.database"
        " WHERE t.status NOT IN ('dropping', 'dropped') AND ($1 IS NULL OR t.db_id = $1)"
        " UNION ALL"
        " SELECT oid, datname::text, NULL, '' FROM pg_catalog.pg_database"
        "  WHERE datname = 'template1' ORDER BY 3"};
    uint64 count = query::run(select, {query::text(db_id)});
    auto *orders = static_cast<visit::Order *>(palloc0((count + 1) * sizeof(visit::Order)));

    for (uint64 i = 0; i < count; i++) {
        visit::Order *order = &orders[i];

        order->purpose = query::is_null_at(i, 3) ? visit::Purpose::look_host : visit::Purpose::look;
        order->database = query::oid_at(i, 1);
        strlcpy(order->name, query::text_at(i, 2), sizeof(order->name));
        if (!query::is_null_at(i, 3))
            strlcpy(order->db_id, query::text_at(i, 3), sizeof(order->db_id));
        strlcpy(order->login_group, query::text_at(i, 4), sizeof(order->login_group));
    }
    return {orders, count};
}

/* Appends a row that was found here. */
static void
add(void *report, const Row &row)
{
    const char *fields[visit::columns] = {row.severity, row.rule,   row.database, row.object,
                                          row.grantee,  row.detail, row.remedy};

    add_fields(static_cast<Report *>(report), fields);
}

static void
add_fields(Report *report, const char *const *fields)
{
    Datum values[visit::columns];
    bool nulls[visit::columns];

    for (int i = 0; i < visit::columns; i++) {
        nulls[i] = fields[i] == nullptr;
        values[i] = nulls[i] ? static_cast<Datum>(0) : CStringGetTextDatum(fields[i]);
    }
    tuplestore_putvalues(report->result->setResult, report->result->setDesc, values, nulls);
}

static void
on_row(void *self, size_t, const char *const *fields)
{
    add_fields(static_cast<Report *>(self), fields);
}

/* A database that could not be looked at is never passed over in silence. */
static void
on_failure(void *self, size_t which, int, const char *message)
{
    auto *report = static_cast<Report *>(self);
    const visit::Order &order = report->orders[which];

    if (!OidIsValid(get_database_oid(order.name, true)))
        return; /* dropped meanwhile */
    add(report, {.severity = "medium",
                 .rule = "not_looked_at",
                 .database = order.name,
                 .object = quote_identifier(order.name),
                 .grantee = nullptr,
                 .detail = psprintf("What is open in this database is not known: %s.", message),
                 .remedy = order.db_id[0] != '\0'
                               ? psprintf("SELECT * FROM appinfra.exposures('%s')", order.db_id)
                               : "SELECT * FROM appinfra.exposures()"});
}

} // namespace appinfra::exposure
