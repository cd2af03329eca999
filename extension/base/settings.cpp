/* Defines the appinfra.* settings. See settings.hpp. */
#include "base/settings.hpp"

namespace appinfra::settings
{

char *control_database;
int pool_size;
int provision_timeout;
int exposures_interval;
int retention;
int rotate_after;
int republish = republish_promotion;
int republish_rate;
int event_ring_size;
int audit_retention;
char *end_user;
bool audit_logins;
bool allow_unsafe_server;
char *tenant_encoding;
char *tenant_locale;
int tenant_connection_limit;
int tenant_statement_timeout;
int tenant_idle_in_transaction_timeout;
int tenant_temp_file_limit;

static const config_enum_entry republish_words[] = {{"never", republish_never, false},
                                                    {"promotion", republish_promotion, false},
                                                    {"always", republish_always, false},
                                                    {nullptr, 0, false}};

static void define_host();
static void define_recovery();
static void define_audit();
static void define_tenant_limits();
static bool check_end_user(char **value, void **extra, GucSource source);

void
define()
{
    define_host();
    define_recovery();
    define_audit();
    define_public_address();
    define_buckets();
    define_tenant_limits();
    define_usage();
    define_guard();
    define_watchdog();
    define_gateway();
    MarkGUCPrefixReserved("appinfra");
}

/* Settings of the host: where the registry is, how many shells, how long a caller waits. */
static void
define_host()
{
    DefineCustomStringVariable("appinfra.control_database",
                               "The database in which CREATE EXTENSION appinfra is run.", nullptr,
                               &control_database, "postgres", PGC_POSTMASTER, GUC_SUPERUSER_ONLY,
                               nullptr, nullptr, nullptr);
    DefineCustomIntVariable("appinfra.pool_size", "Shells that are kept ready to be claimed.",
                            "0 builds a shell only while a caller waits for one.", &pool_size, 8, 0,
                            1000, PGC_SIGHUP, GUC_SUPERUSER_ONLY, nullptr, nullptr, nullptr);
    DefineCustomIntVariable("appinfra.provision_timeout",
                            "How long provision_tenant() waits for a shell when none is ready.",
                            nullptr, &provision_timeout, 30 * 1000, 0, 3600 * 1000, PGC_SUSET,
                            GUC_UNIT_MS | GUC_SUPERUSER_ONLY, nullptr, nullptr, nullptr);
    DefineCustomIntVariable("appinfra.exposures_interval",
                            "How old what exposures() says of a tenant's database may be.",
                            "0: it looks into every database when it is asked.",
                            &exposures_interval, 3600, 0, 7 * 86400, PGC_SIGHUP,
                            GUC_UNIT_S | GUC_SUPERUSER_ONLY, nullptr, nullptr, nullptr);
    DefineCustomIntVariable("appinfra.retention",
                            "How long deprovision_tenant() keeps a database by default.", nullptr,
                            &retention, 7 * 86400, 0, INT_MAX, PGC_SUSET,
                            GUC_UNIT_S | GUC_SUPERUSER_ONLY, nullptr, nullptr, nullptr);
    DefineCustomIntVariable(
        "appinfra.rotate_after", "After what time published credentials are rotated by themselves.",
        "0: never. A tenant may have another (set_rotation).", &rotate_after, 0, 0, INT_MAX,
        PGC_SIGHUP, GUC_UNIT_S | GUC_SUPERUSER_ONLY, nullptr, nullptr, nullptr);
    DefineCustomBoolVariable(
        "appinfra.allow_unsafe_server",
        "Provisions on a server below the security floor of its major version.",
        "For test machines only.", &allow_unsafe_server, false, PGC_SUSET, GUC_SUPERUSER_ONLY,
        nullptr, nullptr, nullptr);
    DefineCustomStringVariable("appinfra.tenant_encoding",
                               "The encoding of new tenants' databases.",
                               "Empty: that of the host's template0.", &tenant_encoding, "",
                               PGC_SIGHUP, GUC_SUPERUSER_ONLY, nullptr, nullptr, nullptr);
    DefineCustomStringVariable("appinfra.tenant_locale", "The locale of new tenants' databases.",
                               "Empty: that of the host's template0.", &tenant_locale, "",
                               PGC_SIGHUP, GUC_SUPERUSER_ONLY, nullptr, nullptr, nullptr);
}

/* Settings of what happens after a failover or a restore. */
static void
define_recovery()
{
    DefineCustomEnumVariable(
        "appinfra.republish", "When everything that is published is published again, renewed.",
        "promotion: on each new timeline, and after accept_restore(). always: after each start of "
        "the server, too.",
        &republish, republish_promotion, republish_words, PGC_SIGHUP, GUC_SUPERUSER_ONLY, nullptr,
        nullptr, nullptr);
    DefineCustomIntVariable("appinfra.republish_rate",
                            "How many of these publications become due in a second.", nullptr,
                            &republish_rate, 20, 1, 10000, PGC_SIGHUP, GUC_SUPERUSER_ONLY, nullptr,
                            nullptr, nullptr);
}

/* Settings of the audit log. */
static void
define_audit()
{
    DefineCustomIntVariable(
        "appinfra.event_ring_size", "How many security events can wait in memory to be written.",
        "What finds no room is only counted.", &event_ring_size, 4096, 16, 1024 * 1024,
        PGC_POSTMASTER, GUC_SUPERUSER_ONLY, nullptr, nullptr, nullptr);
    DefineCustomIntVariable("appinfra.audit_retention",
                            "After what time rows of the audit log are removed, in whole batches.",
                            "0: never.", &audit_retention, 0, 0, INT_MAX, PGC_SIGHUP,
                            GUC_UNIT_S | GUC_SUPERUSER_ONLY, nullptr, nullptr, nullptr);
    DefineCustomBoolVariable(
        "appinfra.audit_logins", "Writes tenants' successful logins into the audit log.",
        "Those that fail or are refused are written in any case.", &audit_logins, true, PGC_SIGHUP,
        GUC_SUPERUSER_ONLY, nullptr, nullptr, nullptr);
    /* Anybody may set it: only functions of the lane read it, and the actor stands beside it. */
    DefineCustomStringVariable(
        "appinfra.end_user", "For whom the functions are called, as the audit log tells it.",
        "Set for a transaction by whoever acts for others.", &end_user, "", PGC_USERSET,
        GUC_NO_SHOW_ALL | GUC_NOT_IN_SAMPLE | GUC_DISALLOW_IN_FILE, check_end_user, nullptr,
        nullptr);
}

/* Limits that a tenant's database and logins get. They reach tenants built or logins made later. */
static void
define_tenant_limits()
{
    DefineCustomIntVariable(
        "appinfra.tenant_connection_limit", "Connections of all logins of a tenant together.",
        "-1: no limit. Set when a shell is built.", &tenant_connection_limit, 50, -1, 262143,
        PGC_SIGHUP, GUC_SUPERUSER_ONLY, nullptr, nullptr, nullptr);
    DefineCustomIntVariable(
        "appinfra.tenant_statement_timeout", "The statement_timeout of a tenant's new logins.",
        "0: none. A session may change its own.", &tenant_statement_timeout, 0, 0, INT_MAX,
        PGC_SIGHUP, GUC_UNIT_MS | GUC_SUPERUSER_ONLY, nullptr, nullptr, nullptr);
    DefineCustomIntVariable("appinfra.tenant_idle_in_transaction_timeout",
                            "The idle_in_transaction_session_timeout of a tenant's new logins.",
                            "0: none. A session may change its own.",
                            &tenant_idle_in_transaction_timeout, 5 * 60 * 1000, 0, INT_MAX,
                            PGC_SIGHUP, GUC_UNIT_MS | GUC_SUPERUSER_ONLY, nullptr, nullptr,
                            nullptr);
    DefineCustomIntVariable("appinfra.tenant_temp_file_limit",
                            "The temp_file_limit of a tenant's new logins, per session.",
                            "-1: no limit.", &tenant_temp_file_limit, 1024 * 1024, -1, INT_MAX,
                            PGC_SIGHUP, GUC_UNIT_KB | GUC_SUPERUSER_ONLY, nullptr, nullptr,
                            nullptr);
}

/* A user is named as the owner of a database is. */
static bool
check_end_user(char **value, void **, GucSource)
{
    for (const char *at = *value; *at != '\0'; at++)
        if (static_cast<unsigned char>(*at) < ' ' || *at == '\x7f') {
            GUC_check_errdetail("A user's name has no control characters.");
            return false;
        }
    if (strlen(*value) > 320) {
        GUC_check_errdetail("A user's name is 320 bytes at most.");
        return false;
    }
    return true;
}

} // namespace appinfra::settings
