/* Puts the rows of exposures() together. See exposure.hpp. */
#include "exposure/exposure.hpp"

#include "base/identifiers.hpp"
#include "base/query.hpp"
#include "base/refusal.hpp"
#include "base/scope.hpp"
#include "base/settings.hpp"
#include "exposure/kept.hpp"
#include "exposure/rules.hpp"
#include "exposure/visit.hpp"

namespace appinfra::exposure
{

/* Where rows go, and where it is being looked. */
struct Report {
    ReturnSetInfo *result;
    std::span<const Look> looks;
    TimestampTz now; /* when it began */
};

static void check_exists(const char *db_id);
static void look_at_host(const char *db_id, Report *report);
static void ask(Rule &rule, const char *db_id, Report *report);
static void add(void *report, const Row &row);
static std::span<Look> take_kept(const char *db_id, Report *report);
static void add_kept(Report *report, const kept::Place &place);
static void add_fields(Report *report, std::span<const char *const> fields, TimestampTz time);
static void add_values(Report *report, std::span<const Datum> values, std::span<const bool> nulls,
                       TimestampTz time);
static void look_inside(std::span<Look> looks, Report *report);
static void on_row(void *report, size_t which, std::span<const char *const> fields);
static void on_failure(void *report, size_t which, int code, const char *message);
static void add_not_looked_at(Report *report, const char *database, const char *db_id,
                              const char *message);

/* One answer looks itself into so many databases of which there is nothing that is new enough. */
constexpr size_t looks_limit = 32;

void
report(const char *db_id, ReturnSetInfo *result)
{
    Report report = {.result = result, .looks = {}, .now = GetCurrentTimestamp()};

    with_spi([&](MemoryContext) {
        if (db_id != nullptr)
            check_exists(db_id);
        look_at_host(db_id, &report);
        look_inside(take_kept(db_id, &report), &report);
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
        add_fields(report, fields, report->now);
    }
}

/* Appends a row that was found here. */
static void
add(void *self, const Row &row)
{
    auto *report = static_cast<Report *>(self);
    const char *fields[columns] = {row.severity, row.rule,   row.database, row.object,
                                   row.grantee,  row.detail, row.remedy};

    add_fields(report, fields, report->now);
}

/*
 * Reports what is kept of tenants' databases, and returns where to look besides: into the tenant's
 * database, or into template1 and those of which nothing is kept that is new enough. Where they are
 * too many at once, the others' rows are older than they should be, and say so.
 */
static std::span<Look>
take_kept(const char *db_id, Report *report)
{
    static query::Query template1 = {
        "SELECT oid FROM pg_catalog.pg_database WHERE datname = 'template1'"};
    bool is_kept = db_id == nullptr && settings::exposures_interval > 0;
    std::span<kept::Place> places = kept::places(db_id);
    auto *looks = static_cast<Look *>(palloc((places.size() + 1) * sizeof(Look)));
    size_t count = 0;

    for (const kept::Place &place : places)
        if (!is_kept || (place.is_due && count < looks_limit))
            looks[count++] = place.look;
        else
            add_kept(report, place);
    query::Rows rows = query::run(template1);
    if (db_id == nullptr && rows.count == 1) {
        looks[count] = {.database = rows.oid(0, 1),
                        .name = {},
                        .db_id = {},
                        .login_group = {},
                        .system_digest = {}};
        strlcpy(looks[count++].name, "template1", NAMEDATALEN);
    }
    return {looks, count};
}

/* Reports what is kept of a database. */
static void
add_kept(Report *report, const kept::Place &place)
{
    Datum *values = nullptr;
    bool *nulls = nullptr;
    int count = 0;

    if (!place.is_kept || place.failure != nullptr) {
        add_not_looked_at(report, place.look.name, place.look.db_id,
                          place.is_kept ? place.failure : "the inspector has not come to it yet");
        return;
    }
    deconstruct_array(DatumGetArrayTypeP(place.found), TEXTOID, -1, false, TYPALIGN_INT, &values,
                      &nulls, &count);
    for (int i = 0; i < count; i += columns)
        add_values(report, {values + i, columns}, {nulls + i, columns}, place.checked_at);
}

static void
add_fields(Report *report, std::span<const char *const> fields, TimestampTz time)
{
    Datum values[columns];
    bool nulls[columns];

    for (int i = 0; i < columns; i++) {
        nulls[i] = fields[i] == nullptr;
        values[i] = nulls[i] ? static_cast<Datum>(0) : CStringGetTextDatum(fields[i]);
    }
    add_values(report, values, nulls, time);
}

/* Appends a row, with the time of which it is. */
static void
add_values(Report *report, std::span<const Datum> values, std::span<const bool> nulls,
           TimestampTz time)
{
    Datum all[columns + 1];
    bool all_nulls[columns + 1];

    for (int i = 0; i < columns; i++) {
        all[i] = values[i];
        all_nulls[i] = nulls[i];
    }
    all[columns] = TimestampTzGetDatum(time);
    all_nulls[columns] = false;
    tuplestore_putvalues(report->result->setResult, report->result->setDesc, all, all_nulls);
}

/* Looks into the databases now, and reports what is open there. */
static void
look_inside(std::span<Look> looks, Report *report)
{
    Definitions wanted = {};
    bool has_tenants = false;

    for (const Look &look : looks)
        has_tenants = has_tenants || look.db_id[0] != '\0';
    if (has_tenants)
        wanted = definitions_of_template(false);
    if (wanted.failure != nullptr)
        add_not_looked_at(report, wanted.database, nullptr, wanted.failure);
    report->looks = looks;
    visit(looks, wanted, {.row = on_row, .failure = on_failure, .self = report});
}

static void
on_row(void *self, size_t, std::span<const char *const> fields)
{
    auto *report = static_cast<Report *>(self);

    add_fields(report, fields, report->now);
}

/* Reports that a database could not be looked at: it is never passed over in silence. */
static void
on_failure(void *self, size_t which, int, const char *message)
{
    auto *report = static_cast<Report *>(self);
    const Look &look = report->looks[which];

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
