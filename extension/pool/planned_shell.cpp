/* Builds planned shells. See planned_shell.hpp. */
#include "pool/planned_shell.hpp"

#include "audit/audit.hpp"
#include "base/ddl.hpp"
#include "base/label.hpp"
#include "base/query.hpp"
#include "base/scope.hpp"
#include "base/settings.hpp"
#include "guard/hardening_script.hpp"
#include "pool/database_files.hpp"
#include "pool/template.hpp"
#include "registry/grants.hpp"
#include "shmem/wakeup.hpp"
#include "workers/setup.hpp"

namespace appinfra::planned_shell
{

static bool is_anothers(const Planned &shell);
static void create(Planned *shell);
static void choose_another_oid(Planned *shell);
static void finish(const Planned &shell);

void
build(Planned *shell)
{
    setup::Order order = setup::order_of(setup::Job::dress_shell, shell->name);

    if (is_anothers(*shell))
        choose_another_oid(shell);
    if (!database_files::exists(shell->database))
        create(shell);
    database_task::run(setup::task_of(order, shell->database));
    finish(*shell);
    wakeup::announce_shell();
}

void
give_up(const Planned &shell)
{
    static query::Query remove = {
        "DELETE FROM appinfra.shell WHERE db_id = $1 RETURNING last_error"};

    if (!database_files::exists(shell.database))
        database_files::remove_leftover(shell.database);
    in_transaction([&](MemoryContext) {
        query::Rows rows = query::run(remove, {query::text(shell.db_id)});

        audit::record("give_up_shell", shell.db_id, nullptr,
                      audit::detail({{"error", rows.text(0, 1)}}));
    });
}

/* Tells whether a database that is not the shell's has the OID that was planned for it. */
static bool
is_anothers(const Planned &shell)
{
    bool anothers = false;

    in_transaction([&](MemoryContext) {
        const char *name = get_database_name(shell.database);
        label::Label label;

        anothers = name != nullptr &&
                   (strcmp(name, shell.name) != 0 || (label::of_database(shell.database, &label) &&
                                                      strcmp(label.db_id, shell.db_id) != 0));
    });
    return anothers;
}

/* Creates the database, after it has removed the files of an interrupted attempt. */
static void
create(Planned *shell)
{
    if (database_files::remove_leftover(shell->database))
        choose_another_oid(shell);
    ddl::create_database({.name = shell->name,
                          .source = template_database::name,
                          .oid = shell->database,
                          .connection_limit = settings::tenant_connection_limit,
                          .encoding = nullptr,
                          .locale = nullptr});
}

/* Buffers of the old OID may linger on a standby; a new one has no past. */
static void
choose_another_oid(Planned *shell)
{
    static query::Query update = {"UPDATE appinfra.shell SET database_oid = $2 WHERE db_id = $1"};

    in_transaction([&](MemoryContext) {
        shell->database = database_files::choose_oid();
        query::run(update, {query::text(shell->db_id), query::oid(shell->database)});
    });
}

/* Closes the database to PUBLIC, opens it to its groups, and puts the shell into the pool. */
static void
finish(const Planned &shell)
{
    static query::Query ready = {
        "UPDATE appinfra.shell SET status = 'ready', ready_at = clock_timestamp(),"
        "       last_error = NULL WHERE db_id = $1"};

    in_transaction([&](MemoryContext) {
        const char *name = shell.name;

        ddl::close_database(name);
        grants::open_to_groups(name);
        ddl::label_database(name, label::of_shell(shell.db_id, hardening::version));
        query::run(ready, {query::text(shell.db_id)});
        audit::record("build_shell", shell.db_id, nullptr, audit::detail({{"database", name}}));
    });
}

} // namespace appinfra::planned_shell
