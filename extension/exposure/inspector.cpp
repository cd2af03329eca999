/* Renews kept looks. See inspector.hpp. */
#include "exposure/inspector.hpp"

#include "base/scope.hpp"
#include "base/settings.hpp"
#include "exposure/kept.hpp"
#include "exposure/rules.hpp"
#include "exposure/visit.hpp"
#include "workers/worker.hpp"

namespace appinfra::exposure
{

/* What one look has found. */
struct Findings {
    MemoryContext memory;
    ArrayBuildState *fields; /* null: nothing is open */
    int rows;
    const char *failure;
    bool was_made; /* false: there was no worker for it */
};

static bool work();
static Definitions copy_of(const Definitions &found, MemoryContext memory);
static void renew(kept::Due *due, const Definitions &wanted);
static void on_row(void *self, size_t which, std::span<const char *const> fields);
static void on_failure(void *self, size_t which, int code, const char *message);
static Datum array_of(const Findings &findings);

constexpr long look_again_ms = 1000;
constexpr int looks_at_once = 32; /* before it asks again what is due */
constexpr long pause_factor = 4;  /* times the duration of a look that no action asked for */

/* Renews some looks and tells whether any was due. */
static bool
work()
{
    std::span<kept::Due> due;
    Definitions wanted = {};
    bool is_due = false;

    in_transaction([&](MemoryContext caller) {
        is_due = settings::exposures_interval > 0 && kept::has_due();
        if (is_due)
            due = kept::next_due(looks_at_once, caller);
    });
    if (due.empty())
        return is_due;
    in_transaction(
        [&](MemoryContext caller) { wanted = copy_of(definitions_of_template(false), caller); });
    for (kept::Due &one : due) {
        TimestampTz begun = GetCurrentTimestamp();

        if (attempt(CurrentMemoryContext, [&] { renew(&one, wanted); }) != nullptr)
            worker::wait(look_again_ms);
        else if (!one.was_changed)
            worker::wait(pause_factor *
                         TimestampDifferenceMilliseconds(begun, GetCurrentTimestamp()));
    }
    return true;
}

/* Returns them in another memory context: after a query, the current one is SPI's. */
static Definitions
copy_of(const Definitions &found, MemoryContext memory)
{
    Definitions copy = {};

    in_context(memory, [&] {
        auto text = [](const char *from) {
            return from != nullptr ? pstrdup(from) : nullptr;
        };
        auto *all = static_cast<Definition *>(palloc((found.all.size() + 1) * sizeof(Definition)));
        size_t count = 0;

        for (const Definition &one : found.all)
            all[count++] = {.key = text(one.key),
                            .digest = text(one.digest),
                            .name = text(one.name),
                            .statement = text(one.statement)};
        copy = {.all = {all, count},
                .digest = text(found.digest),
                .database = text(found.database),
                .failure = text(found.failure)};
    });
    return copy;
}

/* Looks into the database and keeps what was found. */
static void
renew(kept::Due *due, const Definitions &wanted)
{
    in_transaction([&](MemoryContext) {
        Datum changes = kept::changes_of(due->look.db_id);
        Findings findings = {.memory = CurrentMemoryContext,
                             .fields = nullptr,
                             .rows = 0,
                             .failure = wanted.failure,
                             .was_made = true};

        visit({&due->look, 1}, wanted, {.row = on_row, .failure = on_failure, .self = &findings});
        if (findings.was_made)
            kept::keep(*due, array_of(findings), findings.failure, changes);
    });
}

static void
on_row(void *self, size_t, std::span<const char *const> fields)
{
    auto *findings = static_cast<Findings *>(self);

    for (const char *field : fields.first(columns))
        findings->fields = accumArrayResult(
            findings->fields, field != nullptr ? CStringGetTextDatum(field) : static_cast<Datum>(0),
            field == nullptr, TEXTOID, findings->memory);
    findings->rows++;
}

static void
on_failure(void *self, size_t, int code, const char *message)
{
    auto *findings = static_cast<Findings *>(self);

    findings->was_made = code != ERRCODE_INSUFFICIENT_RESOURCES;
    findings->failure = MemoryContextStrdup(findings->memory, message);
}

/* Returns the findings as a text[][], a row for each exposure. */
static Datum
array_of(const Findings &findings)
{
    int sizes[] = {findings.rows, columns};
    int lowest[] = {1, 1};

    if (findings.fields == nullptr)
        return PointerGetDatum(construct_empty_array(TEXTOID));
    return makeMdArrayResult(findings.fields, 2, sizes, lowest, CurrentMemoryContext, false);
}

} // namespace appinfra::exposure

using namespace appinfra;

/* The process. */
void
appinfra_inspector_main(Datum)
{
    worker::run_while_needed({.worker = wakeup::Worker::inspector,
                              .pause_ms = exposure::look_again_ms,
                              .begin_turn = nullptr,
                              .work = exposure::work});
}
