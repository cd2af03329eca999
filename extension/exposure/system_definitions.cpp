/* Reads and compares definitions of the server's functions and views. See system_definitions.hpp.
 */
#include "exposure/system_definitions.hpp"

#include "base/label.hpp"
#include "base/query.hpp"
#include "base/scope.hpp"
#include "workers/database_task.hpp"
#include "workers/task_process.hpp"

namespace appinfra::exposure
{

/* The input of the task. */
struct Describe {
    bool with_statements;
};

/* Where the rows of the task are gathered. */
struct Gathered {
    Definition *all;
    size_t count;
    size_t limit;
    const char *failure;
};

static void describe_all(const Describe &describe);
static Definitions gather(Oid database, const char *name, bool with_statements);
static void on_row(void *self, size_t which, std::span<const char *const> fields);
static void on_failure(void *self, size_t which, int code, const char *message);
static const char *digest_of(std::span<const Definition> all);
static int compare(const void *one, const void *other);
static std::span<Definition> read(bool with_names, bool with_statements);
static void send(std::span<const Definition> all);

/*
 * Of code in C or inside the server the source says it all. An owner is written by name, since it
 * is to be given back; privileges are not compared, hardening sets them.
 */
static constexpr char functions[] = R"sql(
SELECT 'f' || p.oid,
       md5(concat_ws(' ', p.proowner, p.prolang, p.prosrc, p.probin, p.prosupport::oid, p.prosecdef,
           p.proleakproof, p.provolatile, p.proisstrict, p.proretset, p.proparallel, p.prorettype,
           p.proconfig, CASE WHEN l.lanname NOT IN ('internal', 'c') THEN pg_get_functiondef(p.oid) END)),
       CASE WHEN $1 THEN pg_describe_object('pg_catalog.pg_proc'::regclass, p.oid, 0) END,
       CASE WHEN $2 AND p.prokind <> 'a' THEN format('%s; ALTER ROUTINE %I.%I(%s) OWNER TO %I;',
            pg_get_functiondef(p.oid), n.nspname, p.proname,
            pg_get_function_identity_arguments(p.oid), o.rolname) END
  FROM ONLY pg_catalog.pg_proc p JOIN ONLY pg_catalog.pg_namespace n ON n.oid = p.pronamespace
  JOIN ONLY pg_catalog.pg_language l ON l.oid = p.prolang
  JOIN ONLY pg_catalog.pg_authid o ON o.oid = p.proowner
 WHERE p.oid < 16384 AND p.prokind <> 'a' AND n.nspname IN ('pg_catalog', 'information_schema')
 UNION ALL
SELECT 'v' || c.oid,
       md5(concat_ws(' ', c.relowner, c.reloptions, pg_get_viewdef(c.oid))),
       CASE WHEN $1 THEN pg_describe_object('pg_catalog.pg_class'::regclass, c.oid, 0) END,
       CASE WHEN $2 THEN format('CREATE OR REPLACE VIEW %I.%I%s AS %s ALTER VIEW %I.%I OWNER TO %I;',
            n.nspname, c.relname, ' WITH (' || array_to_string(c.reloptions, ', ') || ')',
            pg_get_viewdef(c.oid), n.nspname, c.relname, o.rolname) END
  FROM ONLY pg_catalog.pg_class c JOIN ONLY pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN ONLY pg_catalog.pg_authid o ON o.oid = c.relowner
 WHERE c.oid < 16384 AND c.relkind = 'v' AND n.nspname IN ('pg_catalog', 'information_schema')
)sql";

Definitions
definitions_of_template(bool with_statements)
{
    static query::Query select = {
        "SELECT d.oid, d.datname::text FROM pg_catalog.pg_database d"
        "  JOIN pg_catalog.pg_shseclabel l ON l.objoid = d.oid AND l.provider = 'appinfra'"
        "   AND l.classoid = 'pg_catalog.pg_database'::regclass"
        " WHERE " LABEL_KIND("l.label") " = 'template' ORDER BY d.oid DESC LIMIT 1"};
    query::Rows rows = query::run(select);

    if (rows.count == 0)
        return {};
    return gather(rows.oid(0, 1), rows.text(0, 2), with_statements);
}

Definitions
definitions_of(Oid database, const char *name)
{
    return gather(database, name, false);
}

const Definition *
definition_of(const Definitions &definitions, const char *key)
{
    Definition wanted = {.key = key, .digest = nullptr, .name = nullptr, .statement = nullptr};

    return static_cast<const Definition *>(bsearch(
        &wanted, definitions.all.data(), definitions.all.size(), sizeof(Definition), compare));
}

const char *
restoring_script(const Definitions &wanted, const Definitions &found)
{
    StringInfoData script;

    initStringInfo(&script);
    for (const Definition &one : wanted.all) {
        const Definition *other = definition_of(found, one.key);

        if (other != nullptr && strcmp(other->digest, one.digest) != 0 && one.statement != nullptr)
            appendStringInfo(&script, "%s\n", one.statement);
    }
    return script.len > 0 ? script.data : nullptr;
}

/* Sends those of this database with their names. */
static void
describe_all(const Describe &describe)
{
    in_transaction([&](MemoryContext) {
        XactReadOnly = true;
        send(read(true, describe.with_statements));
    });
}

void
send_other_definitions(const char *digest)
{
    std::span<Definition> all = read(false, false);

    if (strcmp(digest_of(all), digest) != 0)
        send(all);
}

static Definitions
gather(Oid database, const char *name, bool with_statements)
{
    const Describe describe = {.with_statements = with_statements};
    const database_task::Task task = {.name = "visitor",
                                      .entry_point = "appinfra_describe_main",
                                      .database = database,
                                      .on_standby = true,
                                      .input = describe};
    Gathered gathered = {.all = nullptr, .count = 0, .limit = 4096, .failure = nullptr};

    gathered.all = static_cast<Definition *>(palloc(gathered.limit * sizeof(Definition)));
    database_task::run_all({&task, 1}, {.row = on_row, .failure = on_failure, .self = &gathered});
    qsort(gathered.all, gathered.count, sizeof(Definition), compare);
    std::span<Definition> all = {gathered.all, gathered.count};
    bool failed = gathered.failure != nullptr;
    return {.all = failed ? std::span<Definition>() : all,
            .digest = failed ? nullptr : digest_of(all),
            .database = name,
            .failure = gathered.failure};
}

/* The fields are gone with the message: they are copied into the caller's memory. */
static void
on_row(void *self, size_t, std::span<const char *const> fields)
{
    auto *gathered = static_cast<Gathered *>(self);
    MemoryContext message = MemoryContextSwitchTo(GetMemoryChunkContext(gathered->all));

    if (gathered->count == gathered->limit) {
        gathered->limit *= 2;
        gathered->all = static_cast<Definition *>(
            repalloc(gathered->all, gathered->limit * sizeof(Definition)));
    }
    gathered->all[gathered->count++] = {.key = pstrdup(fields[1]),
                                        .digest = pstrdup(fields[2]),
                                        .name = fields[3] != nullptr ? pstrdup(fields[3]) : nullptr,
                                        .statement =
                                            fields[4] != nullptr ? pstrdup(fields[4]) : nullptr};
    MemoryContextSwitchTo(message);
}

static void
on_failure(void *self, size_t, int, const char *message)
{
    auto *gathered = static_cast<Gathered *>(self);

    gathered->failure = MemoryContextStrdup(GetMemoryChunkContext(gathered->all), message);
}

/* Both sides have them in the order of their keys. */
static const char *
digest_of(std::span<const Definition> all)
{
    StringInfoData text;
    char digest[33];
    const char *error = nullptr;

    initStringInfo(&text);
    for (const Definition &one : all)
        appendStringInfo(&text, "%s %s\n", one.key, one.digest);
    if (!pg_md5_hash(text.data, text.len, digest, &error))
        ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("no digest: %s", error)));
    return pstrdup(digest);
}

static int
compare(const void *one, const void *other)
{
    return strcmp(static_cast<const Definition *>(one)->key,
                  static_cast<const Definition *>(other)->key);
}

/* Reads those of this database, in the order of their keys. */
static std::span<Definition>
read(bool with_names, bool with_statements)
{
    Oid types[] = {BOOLOID, BOOLOID};
    Datum values[] = {BoolGetDatum(with_names), BoolGetDatum(with_statements)};

    if (SPI_execute_with_args(functions, 2, types, values, nullptr, true, 0) != SPI_OK_SELECT)
        elog(ERROR, "the server's definitions could not be read");
    auto *all = static_cast<Definition *>(palloc((SPI_processed + 1) * sizeof(Definition)));
    for (uint64 row = 0; row < SPI_processed; row++) {
        HeapTuple tuple = SPI_tuptable->vals[row];

        all[row] = {.key = SPI_getvalue(tuple, SPI_tuptable->tupdesc, 1),
                    .digest = SPI_getvalue(tuple, SPI_tuptable->tupdesc, 2),
                    .name = SPI_getvalue(tuple, SPI_tuptable->tupdesc, 3),
                    .statement = SPI_getvalue(tuple, SPI_tuptable->tupdesc, 4)};
    }
    qsort(all, SPI_processed, sizeof(Definition), compare);
    return {all, SPI_processed};
}

static void
send(std::span<const Definition> all)
{
    for (const Definition &one : all) {
        const char *fields[] = {not_compared, one.key, one.digest, one.name, one.statement};

        task_process::send_row(fields);
    }
}

} // namespace appinfra::exposure

using namespace appinfra;

/* The process of the task. */
void
appinfra_describe_main(Datum)
{
    task_process::serve(exposure::describe_all);
}
