/* Defines the settings of the address that applications get. Part of settings.hpp. */
#include "base/settings.hpp"

#include <arpa/inet.h>

namespace appinfra::settings
{

char *public_host;
int public_port;
char *pooler_host;
int pooler_port;

static int public_sslmode;
static int public_scheme;

enum SslMode { automatic, disable, allow, prefer, require, verify_ca, verify_full };
enum Scheme { scheme_postgresql, scheme_postgres };

static const config_enum_entry ssl_modes[] = {{"auto", automatic, false},
                                              {"disable", disable, false},
                                              {"allow", allow, false},
                                              {"prefer", prefer, false},
                                              {"require", require, false},
                                              {"verify-ca", verify_ca, false},
                                              {"verify-full", verify_full, false},
                                              {nullptr, 0, false}};

static const config_enum_entry schemes[] = {{"postgresql", scheme_postgresql, false},
                                            {"postgres", scheme_postgres, false},
                                            {nullptr, 0, false}};

static void define_pooler();
static const char *sslmode_for(const char *host);
static bool is_system_store();
static bool check_public_host(char **value, void **extra, GucSource source);
static bool check_pooler_host(char **value, void **extra, GucSource source);
static bool check_host(const char *host, const char *setting_of_port);
static bool is_near(const char *host);
static bool is_address(int family, const char *host);

/* Defines what describes the host as applications reach it. */
void
define_public_address()
{
    DefineCustomStringVariable("appinfra.public_host", "The host name that DSNs carry.",
                               "provision_tenant() refuses while it is not set.", &public_host, "",
                               PGC_SUSET, GUC_SUPERUSER_ONLY, check_public_host, nullptr, nullptr);
    DefineCustomIntVariable("appinfra.public_port", "The port that DSNs carry.",
                            "0: the port this server listens on.", &public_port, 0, 0, 65535,
                            PGC_SUSET, GUC_SUPERUSER_ONLY, nullptr, nullptr, nullptr);
    DefineCustomEnumVariable("appinfra.public_sslmode", "The sslmode that DSNs carry.",
                             "auto: prefer when public_host is a loopback address, else require. "
                             "verify-ca and verify-full need appinfra.public_sslrootcert.",
                             &public_sslmode, automatic, ssl_modes, PGC_SUSET, GUC_SUPERUSER_ONLY,
                             nullptr, nullptr, nullptr);
    DefineCustomEnumVariable("appinfra.public_scheme", "What DSNs begin with.",
                             "postgres: for clients that know only the old form.", &public_scheme,
                             scheme_postgresql, schemes, PGC_SUSET, GUC_SUPERUSER_ONLY, nullptr,
                             nullptr, nullptr);
    define_pooler();
    define_certificates();
}

/* Defines where the pooler is whose address stands in the DSNs of variables that want it. */
static void
define_pooler()
{
    DefineCustomStringVariable(
        "appinfra.pooler_host", "The host name of a pooler in front.",
        "Variables of env with \"via\": \"pooler\" carry it. Empty: there is none.", &pooler_host,
        "", PGC_SUSET, GUC_SUPERUSER_ONLY, check_pooler_host, nullptr, nullptr);
    DefineCustomIntVariable("appinfra.pooler_port", "The port of that pooler.", nullptr,
                            &pooler_port, 6432, 1, 65535, PGC_SUSET, GUC_SUPERUSER_ONLY, nullptr,
                            nullptr, nullptr);
}

Address
address(bool pooled)
{
    if (pooled)
        return {.host = pooler_host, .port = pooler_port, .sslmode = sslmode_for(pooler_host)};
    return {.host = public_host,
            .port = public_port != 0 ? public_port : PostPortNumber,
            .sslmode = sslmode_for(public_host)};
}

const Refusal *
check_pooler()
{
    if (pooler_host[0] != '\0')
        return nullptr;
    return refuse(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, "appinfra.pooler_host is not set",
                  "A variable is to go through a pooler, and there is none.",
                  "ALTER SYSTEM SET appinfra.pooler_host = '...'; SELECT pg_reload_conf(); or ask "
                  "for the variable without \"via\".");
}

/* Returns the sslmode of DSNs to that host. */
static const char *
sslmode_for(const char *host)
{
    if (public_sslmode == automatic)
        return is_near(host) ? "prefer" : "require";
    return ssl_modes[public_sslmode].name;
}

const char *
effective_public_sslrootcert()
{
    return public_sslmode >= verify_ca ? public_sslrootcert : nullptr;
}

const char *
public_scheme_name()
{
    return schemes[public_scheme].name;
}

const Refusal *
check_public_tls()
{
    if (public_sslmode >= verify_ca && public_sslrootcert[0] == '\0')
        return refuse(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                      "appinfra.public_sslrootcert is not set",
                      psprintf("With sslmode=%s a DSN says where the certificates are by which "
                               "the server is verified.",
                               ssl_modes[public_sslmode].name),
                      "Set appinfra.public_sslrootcert to their path on the applications' "
                      "machines or to system, or appinfra.public_sslmode to require.");
    if (is_system_store() && public_sslmode != verify_full && public_sslmode != automatic)
        return refuse(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                      "appinfra.public_sslrootcert = system needs sslmode=verify-full",
                      "Whoever has a certificate of a public authority could pose as the server.",
                      "Set appinfra.public_sslmode to verify-full.");
    return nullptr;
}

/* Tells whether applications are to trust the authorities of their operating system. */
static bool
is_system_store()
{
    return strcmp(public_sslrootcert, "system") == 0;
}

static bool
check_public_host(char **value, void **, GucSource)
{
    return check_host(*value, "appinfra.public_port");
}

static bool
check_pooler_host(char **value, void **, GucSource)
{
    return check_host(*value, "appinfra.pooler_port");
}

/* A host name goes into DSNs and environments: no space, no control character, no list. */
static bool
check_host(const char *host, const char *setting_of_port)
{
    for (const char *at = host; *at != '\0'; at++)
        if (*at <= ' ' || *at > '~' || strchr(",@?#'\"\\", *at) != nullptr) {
            GUC_check_errdetail("A host name is printable ASCII, one host, without quotes.");
            return false;
        }
    if (strchr(host, ':') != nullptr && !is_address(AF_INET6, host)) {
        GUC_check_errdetail("What has a colon must be an IPv6 address, without brackets.");
        GUC_check_errhint("The port belongs into %s.", setting_of_port);
        return false;
    }
    if (strlen(host) > 255) {
        GUC_check_errdetail("A host name is 255 bytes at most.");
        return false;
    }
    return true;
}

bool
is_public_host_near()
{
    return is_near(public_host);
}

/* Tells whether the host is this machine by its own name for itself. */
static bool
is_near(const char *host)
{
    return strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 || host[0] == '/' ||
           (strncmp(host, "127.", 4) == 0 && is_address(AF_INET, host));
}

static bool
is_address(int family, const char *host)
{
    struct in6_addr address;

    return inet_pton(family, host, &address) == 1;
}

} // namespace appinfra::settings
