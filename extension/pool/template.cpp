/* Makes the template. See template.hpp. */
#include "pool/template.hpp"

#include "audit/audit.hpp"
#include "base/ddl.hpp"
#include "base/label.hpp"
#include "base/query.hpp"
#include "base/scope.hpp"
#include "base/settings.hpp"
#include "guard/hardening_script.hpp"
#include "pool/database_files.hpp"
#include "workers/setup.hpp"

namespace appinfra::template_database
{

/* The row of the template in the registry. */
struct Template {
    bool planned;
    bool fits; /* made as the settings want it now */
    bool ready;
    Oid database;
};

static Template look();
static void plan();
static void create(Oid database);
static void mark();
static void finish();
static void drop(Oid database);

void
ensure()
{
    Template present = look();

    if (present.planned && present.fits && present.ready &&
        database_files::exists(present.database))
        return;
    /* a template that was half hardened is not hardened twice but made anew */
    if (present.planned) {
        if (database_files::exists(present.database))
            drop(present.database);
        database_files::remove_leftover(present.database);
    }
    plan();
    present = look();
    create(present.database);
    mark();
    setup::Order order = setup::order_of(setup::Job::harden_template);
    database_task::run(setup::task_of(order, present.database));
    finish();
}

void
record_failure(const char *message)
{
    static query::Query update = {"UPDATE appinfra.template SET last_error = $1"};

    in_transaction([&](MemoryContext) { query::run(update, {query::text(message)}); });
}

static Template
look()
{
    static query::Query select = {
        "SELECT database_oid, hardening = $1 AND encoding = $2 AND locale = $3, ready"
        "  FROM appinfra.template"};
    Template present = {};

    in_transaction([&](MemoryContext) {
        query::Rows rows = query::run(select, {query::int4(hardening::version),
                                               query::text(settings::tenant_encoding),
                                               query::text(settings::tenant_locale)});

        present.planned = rows.count == 1;
        if (present.planned) {
            present.database = rows.oid(0, 1);
            present.fits = rows.boolean(0, 2);
            present.ready = rows.boolean(0, 3);
        }
    });
    return present;
}

/* Records the OID that the template will have, and what it is made from. */
static void
plan()
{
    static query::Query insert = {
        "INSERT INTO appinfra.template (database_oid, hardening, encoding, locale)"
        " VALUES ($1, $2, $3, $4) ON CONFLICT (singleton) DO UPDATE"
        "    SET database_oid = excluded.database_oid, hardening = excluded.hardening,"
        "        encoding = excluded.encoding, locale = excluded.locale, ready = false"};

    in_transaction([&](MemoryContext) {
        query::run(insert,
                   {query::oid(database_files::choose_oid()), query::int4(hardening::version),
                    query::text(settings::tenant_encoding), query::text(settings::tenant_locale)});
    });
}

static void
create(Oid database)
{
    auto unless_empty = [](const char *text) {
        return *text != '\0' ? text : nullptr;
    };

    ddl::create_database({.name = name,
                          .source = "template0",
                          .oid = database,
                          .connection_limit = -1,
                          .encoding = unless_empty(settings::tenant_encoding),
                          .locale = unless_empty(settings::tenant_locale)});
}

/* Marks it as ours before anything else, so that it can be told from others' whatever happens. */
static void
mark()
{
    in_transaction(
        [&](MemoryContext) { ddl::label_database(name, label::of_template(hardening::version)); });
}

/* Closes the template to PUBLIC and keeps it from being dropped by mistake. */
static void
finish()
{
    static query::Query ready = {"UPDATE appinfra.template SET ready = true, last_error = NULL"};

    in_transaction([&](MemoryContext) {
        ddl::close_database(name);
        ddl::mark_template(name, true);
        query::run(ready);
        audit::record("build_template", nullptr, nullptr, audit::detail({{"database", name}}));
    });
}

/* Drops it by its OID: a database of the same name may be somebody else's. */
static void
drop(Oid database)
{
    char *present_name = nullptr;

    in_transaction([&](MemoryContext caller) {
        const char *found = get_database_name(database);

        if (found == nullptr)
            return;
        present_name = MemoryContextStrdup(caller, found);
        ddl::mark_template(present_name, false);
    });
    if (present_name == nullptr)
        return;
    ddl::drop_database(present_name);
    in_transaction([&](MemoryContext) {
        audit::record("drop_template", nullptr, nullptr,
                      audit::detail({{"database", present_name}}));
    });
}

} // namespace appinfra::template_database
