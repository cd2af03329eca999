/* Runs the rules inside a database. See look_inside.hpp. */
#include "exposure/look_inside.hpp"

#include "base/scope.hpp"
#include "base/settings.hpp"
#include "exposure/rules.hpp"
#include "exposure/rules_inside.hpp"
#include "exposure/system_definitions.hpp"
#include "guard/source_rules.hpp"
#include "workers/task_process.hpp"

namespace appinfra::exposure
{

static void look_inside(const Look &look);
static Datum denied_sources();
static Datum stored_sources();
static Datum text_array(const Datum *texts, int count);
static void ask(const char *sql, std::span<const Datum> values);
static const char *with_limit(const char *sql);
static void send(uint64 row);
static void send_limit(uint64 row);

database_task::Task
task_of(const Look &look)
{
    return {.name = "visitor",
            .entry_point = "appinfra_look_main",
            .database = look.database,
            .on_standby = true,
            .input = look};
}

/* Sends what is open in the current database. */
static void
look_inside(const Look &look)
{
    bool is_tenants = look.db_id[0] != '\0';

    in_transaction([&](MemoryContext) {
        XactReadOnly = true;
        Datum values[] = {denied_sources(), CStringGetTextDatum(settings::effective_extensions()),
                          CStringGetTextDatum(look.login_group), stored_sources()};

        for (const char *sql : rules_inside(is_tenants))
            ask(sql, values);
        if (is_tenants) {
            for (const char *sql : rules_of_tenant_code())
                ask(sql, values);
            for (const char *sql : rules_of_pooler())
                ask(sql, values);
        }
        if (look.system_digest[0] != '\0')
            send_other_definitions(look.system_digest);
    });
}

/* Returns the sources that no tenant may execute, as a text[]. */
static Datum
denied_sources()
{
    size_t count = 0;
    for (const guard::SourceRule &rule : guard::source_rules())
        count += rule.sources.size();
    auto *texts = static_cast<Datum *>(palloc(count * sizeof(Datum)));
    int index = 0;

    for (const guard::SourceRule &rule : guard::source_rules())
        for (const char *source : rule.sources)
            texts[index++] = CStringGetTextDatum(source);
    return text_array(texts, index);
}

/* Returns the sources that nothing stored may call besides, as a text[]. */
static Datum
stored_sources()
{
    Datum texts[64];
    int index = 0;

    static_assert(lengthof(texts) > guard::stored_sources_limit);
    for (const char *source : guard::text_sources())
        texts[index++] = CStringGetTextDatum(source);
    for (const char *source : guard::activity_sources())
        texts[index++] = CStringGetTextDatum(source);
    texts[index++] = CStringGetTextDatum("set_config_by_name");
    return text_array(texts, index);
}

static Datum
text_array(const Datum *texts, int count)
{
    return PointerGetDatum(
        construct_array(const_cast<Datum *>(texts), count, TEXTOID, -1, false, TYPALIGN_INT));
}

/* Runs one query and sends its rows; where a limit was reached it says so. */
static void
ask(const char *sql, std::span<const Datum> values)
{
    Oid types[] = {TEXTARRAYOID, TEXTOID, TEXTOID, TEXTARRAYOID};
    int result = SPI_execute_with_args(with_limit(sql), static_cast<int>(values.size()), types,
                                       const_cast<Datum *>(values.data()), nullptr, true, 0);

    if (result != SPI_OK_SELECT)
        elog(ERROR, "a rule of exposures failed: %s", SPI_result_code_string(result));
    for (uint64 row = 0; row < SPI_processed; row++)
        if (SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, columns + 1) == nullptr)
            send(row);
        else
            send_limit(row);
    SPI_freetuptable(SPI_tuptable);
    CHECK_FOR_INTERRUPTS();
}

/*
 * Returns the query with what is worst first, and no more than rows_limit rows of a rule and its
 * severity: a tenant can make any number of harmless ones, and they must not hide others. The last
 * column is not null in the row that stands for those that are left out.
 */
static const char *
with_limit(const char *sql)
{
    return psprintf(
        "WITH found (severity, rule, database, object, grantee, detail, remedy) AS (%s),"
        " counted AS (SELECT *, row_number() OVER (PARTITION BY rule, severity"
        " ORDER BY object, grantee) AS place FROM found)"
        " SELECT severity, rule, database, object, grantee, detail, remedy,"
        "        CASE WHEN place > %d THEN 'more' END FROM counted"
        "  WHERE place <= %d + 1 ORDER BY array_position("
        "  ARRAY['critical', 'high', 'medium', 'notice'], severity), rule, place",
        sql, rows_limit, rows_limit);
}

/* Sends a row of the latest result. */
static void
send(uint64 row)
{
    const char *fields[columns];

    for (int i = 0; i < columns; i++)
        fields[i] = SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, i + 1);
    task_process::send_row(fields);
}

/* Says that there is more than is shown of a row's rule. */
static void
send_limit(uint64 row)
{
    HeapTuple tuple = SPI_tuptable->vals[row];
    const char *fields[columns] = {
        SPI_getvalue(tuple, SPI_tuptable->tupdesc, 1),
        "more",
        SPI_getvalue(tuple, SPI_tuptable->tupdesc, 3),
        nullptr,
        nullptr,
        psprintf("There are more than the %d exposures shown of rule \"%s\".", rows_limit,
                 SPI_getvalue(tuple, SPI_tuptable->tupdesc, 2)),
        "SELECT * FROM appinfra.exposures()"};

    task_process::send_row(fields);
}

} // namespace appinfra::exposure

using namespace appinfra;

/* The process of the task. */
void
appinfra_look_main(Datum)
{
    task_process::serve(exposure::look_inside);
}
