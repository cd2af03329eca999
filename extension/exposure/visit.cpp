/* What a visitor does in a database: runs the rules and sends their rows. See exposure.hpp. */
#include "exposure/exposure.hpp"
#include "exposure/inside.hpp"

#include "base/scope.hpp"
#include "base/settings.hpp"
#include "guard/source_rules.hpp"

namespace appinfra::exposure
{

static Datum denied_sources();
static void ask(const char *sql, Datum sources, const visit::Order &order);
static void send(uint64 row);
static void send_limit();

void
look_inside(const visit::Order &order)
{
    in_transaction([&](MemoryContext) {
        XactReadOnly = true;
        Datum sources = denied_sources();

        for (const char *sql : rules_inside(order.purpose))
            ask(sql, sources, order);
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
    return PointerGetDatum(construct_array(texts, index, TEXTOID, -1, false, TYPALIGN_INT));
}

/* Runs one rule and sends its rows; a tenant can make any number of some, so there is a limit. */
static void
ask(const char *sql, Datum sources, const visit::Order &order)
{
    Oid types[] = {TEXTARRAYOID, TEXTOID, TEXTOID};
    Datum values[] = {sources, CStringGetTextDatum(settings::allowed_extensions),
                      CStringGetTextDatum(order.login_group)};
    int result =
        SPI_execute_with_args(sql, lengthof(types), types, values, nullptr, true, rows_limit + 1);

    if (result != SPI_OK_SELECT)
        elog(ERROR, "a rule of exposures failed: %s", SPI_result_code_string(result));
    for (uint64 row = 0; row < Min(SPI_processed, static_cast<uint64>(rows_limit)); row++)
        send(row);
    if (SPI_processed > rows_limit)
        send_limit();
    SPI_freetuptable(SPI_tuptable);
    CHECK_FOR_INTERRUPTS();
}

/* Sends a row of the latest result. */
static void
send(uint64 row)
{
    const char *fields[visit::columns];

    for (int i = 0; i < visit::columns; i++)
        fields[i] = SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, i + 1);
    visit::send_row(fields);
}

/* Says that there is more than is shown: of the rule of the latest row. */
static void
send_limit()
{
    HeapTuple row = SPI_tuptable->vals[0];
    const char *fields[visit::columns] = {
        SPI_getvalue(row, SPI_tuptable->tupdesc, 1),
        "more",
        SPI_getvalue(row, SPI_tuptable->tupdesc, 3),
        nullptr,
        nullptr,
        psprintf("There are more than the %d exposures shown of rule \"%s\" and its kind.",
                 rows_limit, SPI_getvalue(row, SPI_tuptable->tupdesc, 2)),
        "SELECT * FROM appinfra.exposures()"};

    visit::send_row(fields);
}

} // namespace appinfra::exposure
