/* Defines the settings of the address and the certificates that applications get. Part of
 * settings.hpp. */
#include "base/settings.hpp"

#include <arpa/inet.h>

#include "base/certificates.hpp"
#include "base/identifiers.hpp"

namespace appinfra::settings
{

char *public_host;
int public_port;
char *public_ca_file;
char *public_ca_variable;
char *public_sslrootcert;

static int public_sslmode;
static int public_scheme;
static const char *ca_certificates = "";

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

static void define_certificates();
static bool is_system_store();
static bool check_public_host(char **value, void **extra, GucSource source);
static bool check_ca_file(char **value, void **extra, GucSource source);
static void assign_ca_file(const char *value, void *extra);
static bool check_ca_variable(char **value, void **extra, GucSource source);
static bool check_sslrootcert(char **value, void **extra, GucSource source);
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
    define_certificates();
}

/* Defines what applications are told of the certificate that the server shows. */
static void
define_certificates()
{
    DefineCustomStringVariable(
        "appinfra.public_ca_file",
        "The file with the certificates of the authorities that applications are to trust.",
        "It is published beside DSNs. Empty: nothing is.", &public_ca_file, "", PGC_SIGHUP,
        GUC_SUPERUSER_ONLY, check_ca_file, assign_ca_file, nullptr);
    DefineCustomStringVariable("appinfra.public_ca_variable",
                               "The variable in which these certificates are published.", nullptr,
                               &public_ca_variable, "DATABASE_CA_CERT", PGC_SIGHUP,
                               GUC_SUPERUSER_ONLY, check_ca_variable, nullptr, nullptr);
    DefineCustomStringVariable(
        "appinfra.public_sslrootcert",
        "Where applications find the certificates: a path on their machines, or system.",
        "It is in DSNs whose sslmode is verify-ca or verify-full.", &public_sslrootcert, "",
        PGC_SUSET, GUC_SUPERUSER_ONLY, check_sslrootcert, nullptr, nullptr);
}

int
effective_public_port()
{
    return public_port != 0 ? public_port : PostPortNumber;
}

const char *
effective_public_sslmode()
{
    if (public_sslmode == automatic)
        return is_public_host_near() ? "prefer" : "require";
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

const char *
public_ca_certificates()
{
    return ca_certificates;
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

/* A host name goes into DSNs and environments: no space, no control character, no list. */
static bool
check_public_host(char **value, void **, GucSource)
{
    for (const char *at = *value; *at != '\0'; at++)
        if (*at <= ' ' || *at > '~' || strchr(",@?#'\"\\", *at) != nullptr) {
            GUC_check_errdetail("A host name is printable ASCII, one host, without quotes.");
            return false;
        }
    if (strchr(*value, ':') != nullptr && !is_address(AF_INET6, *value)) {
        GUC_check_errdetail("What has a colon must be an IPv6 address, without brackets.");
        GUC_check_errhint("The port belongs into appinfra.public_port.");
        return false;
    }
    if (strlen(*value) > 255) {
        GUC_check_errdetail("A host name is 255 bytes at most.");
        return false;
    }
    return true;
}

/* Reads the file; its certificates, as they are published, become the extra value. */
static bool
check_ca_file(char **value, void **extra, GucSource)
{
    const char *problem;
    const char *pem;

    if ((*value)[0] == '\0')
        return true;
    if (!is_absolute_path(*value)) {
        GUC_check_errdetail("It is no absolute path.");
        return false;
    }
    pem = certificates::read_bundle(*value, &problem);
    if (pem == nullptr) {
        GUC_check_errdetail("%s", problem);
        GUC_check_errhint("Give the server's user a file of CERTIFICATE blocks alone, without "
                          "private keys.");
        return false;
    }
    *extra = pg::guc_copy(pem);
    return *extra != nullptr;
}

static void
assign_ca_file(const char *, void *extra)
{
    ca_certificates = extra != nullptr ? static_cast<const char *>(extra) : "";
}

/* The variable stands in environments as others do, and in the place of none that has a meaning. */
static bool
check_ca_variable(char **value, void **, GucSource)
{
    const Refusal *refusal = identifiers::check_variable(*value);

    if (refusal != nullptr) {
        GUC_check_errdetail("%s", refusal->detail);
        return false;
    }
    if (strncmp(*value, "PG", 2) == 0 || strcmp(*value, "DATABASE_URL") == 0 ||
        strcmp(*value, "DATABASE_SERVICE_URL") == 0) {
        GUC_check_errdetail("Drivers take something else out of this variable.");
        GUC_check_errhint("The default is DATABASE_CA_CERT.");
        return false;
    }
    return true;
}

/* A path of another machine cannot be looked at, only be possible. */
static bool
check_sslrootcert(char **value, void **, GucSource)
{
    if ((*value)[0] == '\0' || strcmp(*value, "system") == 0)
        return true;
    for (const char *at = *value; *at != '\0'; at++)
        if (static_cast<unsigned char>(*at) < ' ' || *at == '\x7f') {
            GUC_check_errdetail("A path has no control characters.");
            return false;
        }
    if ((*value)[0] != '/' || strlen(*value) >= MAXPGPATH) {
        GUC_check_errdetail("It is neither an absolute path of up to %d bytes nor \"system\".",
                            MAXPGPATH - 1);
        return false;
    }
    return true;
}

bool
is_public_host_near()
{
    const char *host = public_host;

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
