/* Defines the settings of the certificates that applications get. Part of settings.hpp. */
#include "base/settings.hpp"

#include "base/certificates.hpp"
#include "base/identifiers.hpp"

namespace appinfra::settings
{

char *public_ca_file;
char *public_ca_variable;
char *public_sslrootcert;

static const char *ca_certificates = "";

static bool has_value(const char *name);
static void require_ca_file();
static bool check_ca_file(char **value, void **extra, GucSource source);
static void assign_ca_file(const char *value, void *extra);
static bool check_ca_variable(char **value, void **extra, GucSource source);
static bool check_sslrootcert(char **value, void **extra, GucSource source);

/* Defines what applications are told of the certificate that the server shows. */
void
define_certificates()
{
    const bool is_file_given = has_value("appinfra.public_ca_file");

    DefineCustomStringVariable(
        "appinfra.public_ca_file",
        "The file with the certificates of the authorities that applications are to trust.",
        "It is published beside DSNs. Empty: nothing is.", &public_ca_file, "", PGC_SIGHUP,
        GUC_SUPERUSER_ONLY, check_ca_file, assign_ca_file, nullptr);
    if (is_file_given)
        require_ca_file();
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

/* Returns whether the configuration says something of a setting that is not defined yet. */
static bool
has_value(const char *name)
{
    const char *value = GetConfigOption(name, true, false);

    return value != nullptr && *value != '\0';
}

/*
 * Keeps the server from starting when the file was refused. Core warns only, and takes the default:
 * the next deliveries would then unset the certificates that apps verify the server by.
 */
static void
require_ca_file()
{
    if (*public_ca_file == '\0')
        ereport(FATAL,
                (errcode(ERRCODE_CONFIG_FILE_ERROR),
                 errmsg("the file of \"appinfra.public_ca_file\" was refused"),
                 errdetail("The warning before this says why. Without the file, apps would lose "
                           "the certificates that they have."),
                 errhint("Mend the file, or take the setting out of the configuration.")));
}

const char *
public_ca_certificates()
{
    return ca_certificates;
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

} // namespace appinfra::settings
