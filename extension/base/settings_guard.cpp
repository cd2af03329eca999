/* Defines the settings of the guard. Part of settings.hpp. */
#include "base/settings.hpp"

namespace appinfra::settings
{

int tenant_lock_limit;
int tenant_xid_age_limit;
int tenant_xid_rate;
int tenant_parallel_workers;
int reserved_connections;
char *allowed_extensions;
unsigned allowed_extensions_generation;
int guard;

/* Those of PostgreSQL's own that are marked as trusted and bring no language, and vector. */
constexpr const char *default_extensions =
    "btree_gin, btree_gist, citext, cube, dict_int, fuzzystrmatch, hstore, intarray, isn, lo, "
    "ltree, pg_trgm, pgcrypto, seg, tablefunc, tcn, tsm_system_rows, tsm_system_time, unaccent, "
    "uuid-ossp, vector";

/* Between names; the plus in front of one is no part of it. */
constexpr const char *separators = ", \t\n\r+";

static const config_enum_entry guard_modes[] = {{"enforce", guard_enforce, false},
                                                {"observe", guard_observe, false},
                                                {"off", guard_off, false},
                                                {nullptr, 0, false}};

static bool is_in_list(const char *name, const char *list);
static bool adds_to_default();
static bool check_allowed_extensions(char **value, void **extra, GucSource source);
static void assign_allowed_extensions(const char *value, void *extra);

void
define_guard()
{
    DefineCustomEnumVariable("appinfra.guard", "What the guard does with what no tenant may do.",
                             "enforce: refuses and records. observe: records. off: nothing; then "
                             "provision_tenant() refuses.",
                             &guard, guard_enforce, guard_modes, PGC_SIGHUP, GUC_SUPERUSER_ONLY,
                             nullptr, nullptr, nullptr);
    DefineCustomStringVariable(
        "appinfra.allowed_extensions", "Extensions that tenants may create.",
        "Names separated by commas; those with a + in front are added to the default ones.",
        &allowed_extensions, default_extensions, PGC_SIGHUP, GUC_SUPERUSER_ONLY,
        check_allowed_extensions, assign_allowed_extensions, nullptr);
    DefineCustomIntVariable(
        "appinfra.tenant_parallel_workers",
        "The highest max_parallel_workers that a tenant's session may have.",
        "As that counts the workers of the whole host, those of other sessions included, it also "
        "keeps tenants from taking all of them.",
        &tenant_parallel_workers, 2, 0, 1024, PGC_SIGHUP, GUC_SUPERUSER_ONLY, nullptr, nullptr,
        nullptr);
    DefineCustomIntVariable(
        "appinfra.reserved_connections", "Connections of the host that are kept free of tenants.",
        "They come on top of superuser_reserved_connections.", &reserved_connections, 5, 0, 262143,
        PGC_SIGHUP, GUC_SUPERUSER_ONLY, nullptr, nullptr, nullptr);
}

void
define_watchdog()
{
    DefineCustomIntVariable("appinfra.tenant_lock_limit",
                            "Locks of any kind that all sessions of a tenant may hold together.",
                            "Above it, the session that holds most is ended. 0: no limit.",
                            &tenant_lock_limit, 4000, 0, INT_MAX, PGC_SIGHUP, GUC_SUPERUSER_ONLY,
                            nullptr, nullptr, nullptr);
    DefineCustomIntVariable(
        "appinfra.tenant_xid_age_limit",
        "How many transaction ids old the oldest may be that a tenant's session keeps.",
        "A session that keeps an older one is ended. 0: no limit.", &tenant_xid_age_limit,
        50 * 1000 * 1000, 0, 2000 * 1000 * 1000, PGC_SIGHUP, GUC_SUPERUSER_ONLY, nullptr, nullptr,
        nullptr);
    DefineCustomIntVariable(
        "appinfra.tenant_xid_rate",
        "Transaction ids per second that all sessions of a tenant may take together.",
        "Counted over ten seconds. Above it, the session that takes most is ended. 0: no limit.",
        &tenant_xid_rate, 20 * 1000, 0, 100 * 1000 * 1000, PGC_SIGHUP, GUC_SUPERUSER_ONLY, nullptr,
        nullptr, nullptr);
}

const char *
forbidden_extension(const char *name)
{
    static constexpr const char *named[] = {
        "adminpack",     "appinfra",      "dblink",       "http",        "pageinspect",
        "pg_background", "pg_cron",       "pg_dirtyread", "pg_net",      "pg_surgery",
        "pg_task",       "pg_walinspect", "pgagent",      "pglogical",   "pljava",
        "plproxy",       "plr",           "plsh",         "system_stats"};
    size_t length = strlen(name);

    for (const char *forbidden : named)
        if (strcmp(forbidden, name) == 0)
            return "It reaches files, programs, the network or the inside of the server.";
    if (length > 4 && strcmp(name + length - 4, "_fdw") == 0)
        return "It connects the database to others, or to files.";
    for (const char *language : {"plperlu", "plpython", "pltclu", "pljavau", "plluau"})
        if (strstr(name, language) != nullptr)
            return "Functions of its language can do what the server can.";
    return nullptr;
}

bool
is_allowed_extension(const char *name)
{
    return (is_in_list(name, allowed_extensions) ||
            (adds_to_default() && is_in_list(name, default_extensions))) &&
           forbidden_extension(name) == nullptr;
}

const char *
effective_extensions()
{
    StringInfoData list;
    const char *separator = "";

    initStringInfo(&list);
    for (const char *at : {adds_to_default() ? default_extensions : "",
                           static_cast<const char *>(allowed_extensions)})
        while (*(at += strspn(at, separators)) != '\0') {
            int word = static_cast<int>(strcspn(at, separators));
            const char *name = pnstrdup(at, word);

            if (forbidden_extension(name) == nullptr) {
                appendStringInfo(&list, "%s%s", separator, name);
                separator = ", ";
            }
            at += word;
        }
    return list.data;
}

static bool
is_in_list(const char *name, const char *list)
{
    size_t length = strlen(name);

    for (const char *at = list; *at != '\0';) {
        at += strspn(at, separators);
        size_t word = strcspn(at, separators);

        if (word == length && strncmp(at, name, word) == 0)
            return word > 0;
        at += word;
    }
    return false;
}

/* A name with a plus in front adds to the default list; without any the list is what is there. */
static bool
adds_to_default()
{
    return strchr(allowed_extensions, '+') != nullptr;
}

/* A name of an extension is a file name: nothing that would need quotes. */
static bool
check_allowed_extensions(char **value, void **, GucSource)
{
    const char *letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    bool begins = true;

    for (const char *at = *value; *at != '\0'; at++) {
        bool is_separator = *at != '+' && strchr(separators, *at) != nullptr;
        bool is_plus = *at == '+' && begins && at[1] != '\0' && strchr(letters, at[1]) != nullptr;

        if (!is_separator && !is_plus && strchr(letters, *at) == nullptr) {
            GUC_check_errdetail(
                "Names of extensions are letters, digits, \"_\" and \"-\", separated by "
                "commas; with a \"+\" in front they are added to the default ones.");
            return false;
        }
        begins = is_separator;
    }
    return true;
}

static void
assign_allowed_extensions(const char *, void *)
{
    allowed_extensions_generation++;
}

} // namespace appinfra::settings
