/* The table of hints. See hint.hpp. */
#include "guard/hint.hpp"

#include "base/identifiers.hpp"

namespace appinfra::guard::hint
{

/* {owner} stands for the tenant's owner group, {groups} for all of its groups. */
struct Hint {
    const char *rule;
    const char *tried; /* what the object begins with; null: anything else */
    const char *text;
};

static constexpr const char *copy_client = "Use COPY … FROM STDIN and COPY … TO STDOUT, or psql's "
                                           "\\copy, which read and write files of the "
                                           "client.";
static constexpr const char *write_sql = "Write it in SQL or plpgsql, or create an extension that "
                                         "tenants may have.";
static constexpr const char *ask_platform = "Ask the platform's administrator.";
static constexpr const char *ask_to_connect =
    "Copy the data by the application, or by COPY through a client of both.";
static constexpr const char *own_setting =
    "SET changes settings of this session, SELECT tenant_set(name, value) those of all logins.";
static constexpr const char *own_schema =
    "Make the object in a schema of the tenant's, like public.";
static constexpr const char *lock_own =
    "Name tables or schemas of the tenant's: LOCK TABLE t, VACUUM t, REINDEX SCHEMA public.";

static constexpr Hint hints[] = {
    {"login_database", nullptr, "Connect to the database that the DSN names."},
    {"login_replication", nullptr, "Use pg_dump for copies, and LISTEN or triggers for changes."},
    {"login_reserve", nullptr, "Try again later, with fewer connections."},

    {"pooler", nullptr, "SELECT usename, passwd FROM pg_catalog.appinfra_pooler_auth($1)."},
    {"function_pooler", nullptr, "Poolers ask the database by a login of their own."},

    {"copy_file", nullptr, copy_client},
    {"copy_program", nullptr, copy_client},
    {"load_library", nullptr, "What a library is needed for comes with its extension."},
    {"function_file", "function lo_import", "Use psql's \\lo_import, or lo_from_bytea()."},
    {"function_file", "function lo_export", "Use psql's \\lo_export, or lo_get()."},
    {"function_file", nullptr, copy_client},
    {"untrusted_language", nullptr, write_sql},
    {"function_privileged", nullptr, "Leave out LEAKPROOF and SUPPORT."},
    {"function_library", nullptr,
     "SELECT * FROM tenant_extensions() lists what tenants may use; the host allows others."},
    {"function_unknown", nullptr, "Look it up with \\df, and try again."},
    {"extension", nullptr,
     "SELECT * FROM tenant_extensions() lists those for tenants; the platform installs others: "
     "SELECT "
     "appinfra.install_extension(db_id, name)."},
    {"extension_members", nullptr, "Make an object of another name, beside the extension's."},
    {"language", nullptr, write_sql},
    {"access_method", nullptr, "Use btree, hash, gin, gist, spgist or brin."},
    {"operator_class", nullptr,
     "Index an expression whose type has an operator class, or use an extension that brings one."},
    {"operator_function", nullptr, "Make the operator from a function of the tenant's."},
    {"aggregate", nullptr, "Use a state type other than internal."},
    {"base_type", nullptr, "Use a domain, an enum, a composite or a range type."},
    {"text_search", nullptr,
     "Make a configuration or a dictionary from the parsers and templates that are there."},
    {"transform", nullptr, "Convert by a function."},
    {"cast", nullptr, "Convert by a function, or make a cast of a type of the tenant's."},

    {"tenant_code", nullptr, "SET ROLE {owner} first."},
    {"stored_sql", nullptr, "Call it in a query of the client, or in the body of a function."},
    {"stored_relation", nullptr,
     "Store what reads the tenant's own relations; query the others directly."},
    {"viewer_rights", nullptr, "SET ROLE {owner} first."},
    {"session_state", nullptr, "Send it as a statement of the client, outside of any function."},
    {"others_table", nullptr, "Make a table of the tenant's, and put it there."},
    {"setting_identity", nullptr, "Send SET ROLE or RESET ROLE as a statement of its own."},

    {"foreign_data", nullptr, ask_to_connect},
    {"subscription", nullptr, ask_to_connect},
    {"publication", nullptr, "Name the tables: FOR TABLE a, b."},
    {"function_replication", nullptr,
     "Use LISTEN and NOTIFY, or a trigger that writes changes down."},

    {"alter_system", nullptr, own_setting},
    {"checkpoint", nullptr, "The server does this by itself."},
    {"function_server", "function pg_stat_reset",
     "Compare two readings of the statistics, instead of resetting them."},
    {"function_server", "function pg_stat_statements",
     "SELECT * FROM tenant_statements() shows this database's."},
    {"function_server", nullptr, ask_platform},
    {"function_wal", nullptr, "The host makes backups; take one of this database with pg_dump."},
    {"function_session", "function pg_cancel_backend",
     "SELECT tenant_cancel_session(pid) reaches sessions of this database."},
    {"function_session", nullptr,
     "SELECT tenant_terminate_session(pid) reaches sessions of this database."},
    {"function_activity", nullptr, "SELECT * FROM tenant_sessions()."},
    {"snapshot_export", nullptr, "End the transactions that have exported one, or use fewer jobs."},
    {"tablespace", nullptr, "Leave out the tablespace."},
    {"event_trigger", nullptr,
     "Use triggers on tables; leave event triggers out of a dump (pg_restore -L)."},
    {"security_label", nullptr, "Use COMMENT; leave labels out of a dump (--no-security-labels)."},
    {"host_object", "DROP EVENT TRIGGER", "Leave event triggers out of a dump (pg_restore -L)."},
    {"host_object", "COMMENT", "Comment on objects of the database; dump with --no-comments."},
    {"host_object", nullptr, "Leave it out of a dump (pg_restore -L)."},

    {"setting_library", nullptr, "What a library is needed for comes with its extension."},
    {"setting_session", nullptr, own_setting},
    {"setting_superuser", nullptr, "Ask the platform's administrator to set it for this database."},
    {"setting_parallel", nullptr,
     "SHOW appinfra.tenant_parallel_workers is for the host: set a "
     "lower value, 2 where the host has not changed it."},
    {"setting_role", nullptr,
     "SET ROLE takes on the group of this login; the groups are {groups}."},
    {"setting_secret", nullptr, ask_platform},

    {"role", "CREATE ROLE",
     "There are {groups}; the platform makes further logins of them (service users)."},
    {"role", "ALTER ROLE",
     "SELECT tenant_set(name, value) keeps a setting for all logins of this database; the platform "
     "rotates passwords."},
    {"role", "DROP ROLE", "The platform revokes logins."},
    {"role", nullptr, "The groups are {groups}: GRANT privileges on objects to them."},
    {"role_outside", nullptr,
     "Name one of {groups}. Restore a dump with --no-owner --no-privileges (-O -x)."},
    {"drop_owned", nullptr, "DROP SCHEMA … CASCADE drops what the tenant has made."},

    {"database", "CREATE DATABASE",
     "Use a schema in this database, or have the platform provision a database for tests and "
     "shadows, and name its DSN in the tool."},
    {"database", "DROP DATABASE",
     "DROP SCHEMA public CASCADE empties it; the platform deprovisions it."},
    {"database", "ALTER DATABASE",
     "SELECT tenant_set(name, value) keeps a setting for all logins of this database. Name, owner "
     "and limits are the platform's."},
    {"database", nullptr, ask_platform},
    {"prepared_transaction", nullptr, "COMMIT in one step."},

    {"disk_limit", nullptr,
     "TRUNCATE and DROP give space back at once, DELETE with VACUUM at the end of a table; the "
     "platform raises the limit."},

    {"catalog_write", nullptr, "Use the DDL statement that makes the change."},
    {"catalog_secret", nullptr, "Use pg_roles, pg_stats or pg_user_mappings, which leave it out."},
    {"catalog_lock", "REINDEX",
     "REINDEX SCHEMA public, or reindexdb --schema=public, leaves out what is the host's."},
    {"catalog_lock", nullptr, lock_own},
    {"system_object", nullptr, own_schema},
    {"system_schema", nullptr, own_schema},
    {"system_parent", nullptr, "Inherit from a table of the tenant's."},
};

/* What core refuses, by what its message names. */
static constexpr struct {
    const char *named;
    const char *text;
} of_core[] = {
    {"pg_cancel_backend", "SELECT tenant_cancel_session(pid) reaches sessions of this database."},
    {"pg_terminate_backend",
     "SELECT tenant_terminate_session(pid) reaches sessions of this database."},
    {"create extension",
     "The platform installs it: SELECT appinfra.install_extension(db_id, name)."},
    {"pg_read_file", copy_client},
    {"pg_stat_statements", "SELECT * FROM tenant_statements() shows this database's."},
    {"pg_stat_reset", "Compare two readings of the statistics, instead of resetting them."},
    {"lo_import", "Use psql's \\lo_import, or lo_from_bytea()."},
    {"lo_export", "Use psql's \\lo_export, or lo_get()."},
};

static bool is_about_another_database(const char *message);
static const char *with_roles(const char *text);
static const char *database_name();

const char *
of(const char *rule, const char *object)
{
    for (const Hint &hint : hints)
        if (strcmp(hint.rule, rule) == 0 &&
            (hint.tried == nullptr || strncmp(hint.tried, object, strlen(hint.tried)) == 0))
            return with_roles(hint.text);
    return ask_platform;
}

const char *
of_privileges(const char *message, const char *given)
{
    for (const auto &[named, text] : of_core)
        if (strstr(message, named) != nullptr)
            return text;
    if (given != nullptr)
        return given;
    if (is_about_another_database(message))
        return "Only this database is the tenant's: have the tool leave out the others "
               "(pg_activity "
               "--no-db-size).";
    return with_roles(
        "What the tenant has made belongs to {owner}, which may grant it to {groups}.");
}

/* Tells whether core refuses a privilege on a database that this session has not entered. */
static bool
is_about_another_database(const char *message)
{
    constexpr const char *begin = "permission denied for database ";

    return strncmp(message, begin, strlen(begin)) == 0 &&
           strcmp(message + strlen(begin), database_name()) != 0;
}

/* Returns the text with the names of roles in it. */
static const char *
with_roles(const char *text)
{
    StringInfoData result;

    initStringInfo(&result);
    while (*text != '\0') {
        size_t plain = strcspn(text, "{");

        appendBinaryStringInfo(&result, text, static_cast<int>(plain));
        text += plain;
        if (*text == '\0')
            break;
        bool all = strncmp(text, "{groups}", strlen("{groups}")) == 0;
        const char *separator = "";
        for (const char *access : identifiers::accesses) {
            appendStringInfo(&result, "%s%s", separator,
                             quote_identifier(identifiers::group_role(database_name(), access)));
            separator = ", ";
            if (!all)
                break; /* the owner comes first */
        }
        text += strcspn(text, "}") + 1;
    }
    return result.data;
}

/* Returns the database that the client has named: no catalog may be readable. */
static const char *
database_name()
{
    return MyProcPort != nullptr && MyProcPort->database_name != nullptr ? MyProcPort->database_name
                                                                         : "<database>";
}

} // namespace appinfra::guard::hint
