// See option_rows.hpp.
#include "daemon/option_rows.hpp"

namespace sidecar
{
namespace
{

constexpr const char *each = "serve publish mcp";
constexpr const char *running = "serve publish mcp gateway";
constexpr const char *looked_at = "serve publish mcp doctor";
constexpr const char *logging_in = "serve publish mcp gateway doctor";
constexpr const char *sending = "serve publish mcp doctor check-producer";
constexpr const char *process = "Process";
constexpr const char *in_database = "Database";
constexpr const char *to_producer = "Sink";
constexpr const char *delivering = "Delivering";
constexpr const char *checking = "Checking a producer";
constexpr const char *sealing = "Seals of the audit log";
constexpr const char *looking = "Looking";

// clang-format off
constexpr OptionRow rows[] = {
    {"config", "APPINFRA_CONFIG", "", "serve publish mcp gateway doctor check-producer", process, "file of options, name = value, as named here without --"},
    {"log-format", "APPINFRA_LOG_FORMAT", "text", running, process, "\"text\" or \"json\", one event a line, to stderr"},
    {"log-level", "APPINFRA_LOG_LEVEL", "info", running, process, "debug, info, warn or error"},
    {"worker", "APPINFRA_WORKER", "", running, process, "name under which publications are claimed; host name and process id when empty"},
    {"drain-timeout", "APPINFRA_DRAIN_TIMEOUT", "20s", running, process, "how long sends under way may last after SIGTERM"},
    {"database", "", "", logging_in, in_database, "libpq connection string without a password; several hosts allowed; wins over APPINFRA_DATABASE_URL"},
    {"database-file", "APPINFRA_DATABASE_URL_FILE", "", logging_in, in_database, "file with the connection string (password allowed)"},
    {"statement-timeout", "APPINFRA_STATEMENT_TIMEOUT", "20s", each, in_database, "for a statement in the database"},
    {"reconnect-longest", "APPINFRA_RECONNECT_LONGEST", "15s", each, in_database, "highest ceiling of the random pause between connects to the database"},
    {"sink", "APPINFRA_SINK", "", looked_at, to_producer, "\"http\" (the producer API) or \"file:DIR\" (environment files); http when producer-url is set"},
    {"env-files", "APPINFRA_ENV_FILES", "", looked_at, to_producer, "with --sink=file:DIR: APP=PATH or APP/CONTAINER=PATH, separated by commas: a file that is not to be below DIR"},
    {"producer-url", "APPINFRA_PRODUCER_URL", "", sending, to_producer, "base URL of the producer API; https, or http to a loopback address"},
    {"producer-path", "APPINFRA_PRODUCER_PATH", "/api/apps/{app_id}/env", sending, to_producer, "path template; {app_id} is replaced"},
    {"producer-ca", "APPINFRA_PRODUCER_CA", "", sending, to_producer, "PEM file of the only authorities trusted for the producer; else the system's"},
    {"token-file", "OPENFACTORY_DB_PRODUCER_TOKEN_FILE", "", sending, to_producer, "file with the producer's bearer token"},
    {"allow-plaintext", "APPINFRA_ALLOW_PLAINTEXT", "0", sending, to_producer, "1: http to any host, secrets travel in clear"},
    {"connect-timeout", "APPINFRA_CONNECT_TIMEOUT", "5s", sending, to_producer, "for connecting to the producer"},
    {"call-timeout", "APPINFRA_CALL_TIMEOUT", "15s", sending, to_producer, "for a whole call of the producer"},
    {"probe", "APPINFRA_PROBE", "60s", each, to_producer, "time between tries while the producer refuses our token"},
    {"once", "", "", "publish", delivering, "deliver what is pending once (the only mode there is)", true},
    {"timeout", "APPINFRA_PUBLISH_TIMEOUT", "60s", "publish", delivering, "of it as a whole"},
    {"concurrency", "APPINFRA_CONCURRENCY", "8", each, delivering, "sends at a time, 1 to 64"},
    {"batch", "APPINFRA_BATCH", "16", each, delivering, "publications claimed at once, 1 to 256"},
    {"max-held", "APPINFRA_MAX_HELD", "64", each, delivering, "claims held at a time, those that wait included, 1 to 1024"},
    {"poll", "APPINFRA_POLL", "5s", each, delivering, "time between claims when nobody notifies"},
    {"lease", "APPINFRA_LEASE", "60s", each, delivering, "how long a claim is ours; extended after a third; at least twice call-timeout"},
    {"retry-first", "APPINFRA_RETRY_FIRST", "500ms", each, delivering, "ceiling of the first random pause before a send is repeated; doubles each time"},
    {"retry-longest", "APPINFRA_RETRY_LONGEST", "60s", each, delivering, "highest ceiling of that pause"},
    {"audit-url", "APPINFRA_AUDIT_URL", "", "serve", sealing, "where seals of the audit log are posted; https, or http to a loopback address; into the log when empty"},
    {"audit-ca", "APPINFRA_AUDIT_CA", "", "serve", sealing, "PEM file of the only authorities trusted for audit-url; else the system's"},
    {"unit", "APPINFRA_UNIT", "", "doctor", looking, "the unit of the service; else that of `make install`; \"none\": judge for the user of this process"},
    {"json", "", "", "doctor", looking, "print one document of JSON", true},
    {"app", "", "", "check-producer", checking, "the app whose variables are set and unset; begins with appinfra-check-; one that there has never been when not given"},
    {"yes", "", "", "check-producer", checking, "begin without asking", true},
};
// clang-format on

constexpr const char *serve_examples =
    "Examples:\n"
    "  appinfrad serve --producer-url=https://secrets.example --listen=127.0.0.1:8080 \\\n"
    "      --jwt-keys=/etc/appinfra/jwt.pem\n"
    "  appinfrad serve --sink=file:/var/lib/appinfra/env\n"
    "  appinfrad serve --listen=unix:/run/appinfra/api --trust-loopback=1   # REST and MCP only\n";

constexpr const char *publish_examples =
    "Example:\n"
    "  appinfrad publish --once --producer-url=https://secrets.example --timeout=2m\n";

constexpr const char *mcp_examples =
    "Speaks the Model Context Protocol on standard input and output, for one user, APPINFRA_USER.\n"
    "Example, as an agent's configuration has it:\n"
    "  {\"command\": \"appinfrad\", \"args\": [\"mcp\"],\n"
    "   \"env\": {\"APPINFRA_USER\": \"user@example.com\",\n"
    "           \"APPINFRA_DATABASE_URL_FILE\": \"/etc/appinfra/database-url\"}}\n"
    "With a producer (or another sink) configured it delivers, too, and no answer has a "
    "password.\n";

constexpr const char *gateway_examples =
    "Answers /v1: SQL for holders of API keys. Its login is a member of appinfra_gateway.\n"
    "Examples:\n"
    "  appinfrad gateway --gateway-listen=127.0.0.1:8443\n"
    "  appinfrad gateway --gateway-listen=0.0.0.0:8443 --gateway-tls-cert=/etc/appinfra/tls.pem "
    "\\\n"
    "      --gateway-tls-key=/etc/appinfra/tls.key\n";

constexpr const char *doctor_footer =
    "Looks at the unit, files, folders, the database and its server, pg_hba.conf, the "
    "certificate,\n"
    "the producer and clocks; changes nothing. As root it finds by itself what the service is "
    "given:\n"
    "  appinfrad doctor\n"
    "A line each: ok, warning or problem, what was seen, and what to do.\n"
    "Exit codes: 0 all is well; 1 there are warnings; 2 there are problems.";

constexpr const char *check_producer_footer =
    "Sets and unsets variables APPINFRA_CHECK_... of one app only. Example:\n"
    "  appinfrad check-producer --producer-url=https://secrets.example \\\n"
    "      --token-file=/etc/appinfra/producer-token\n"
    "Precedence: flag, environment, file, as with serve, whose file of options it reads.\n"
    "Exit codes: 0 all checks are ok; 1 at least one has failed; 2 it could not check; 3 "
    "something\n"
    "may be left.";

constexpr const char *about_all =
    "Precedence: flag, environment, file. Times: 500ms, 15s, 2m, 1h; without a unit seconds.\n"
    "Secrets, by environment or file, never by flag:\n"
    "  OPENFACTORY_DB_PRODUCER_TOKEN or OPENFACTORY_DB_PRODUCER_TOKEN_FILE  the bearer token\n"
    "  APPINFRA_DATABASE_URL or APPINFRA_DATABASE_URL_FILE  the connection string\n"
    "  PGPASSWORD, PGPASSFILE and libpq's other variables work as well\n"
    "Proxy variables (http_proxy, ...) are ignored.\n"
    "Signals: SIGTERM stops within drain-timeout; SIGHUP reads the token and CA files again and\n"
    "tries held publications at once.\n"
    "Exit codes: 0 done; 1 some publications failed for good; 2 configuration; 3 the database\n"
    "cannot be reached or used; 4 time over, some still pending; 5 the producer refuses our token.";

} // namespace

std::span<const OptionRow>
delivery_rows()
{
    return rows;
}

std::string
footer_of(const std::string &command)
{
    if (command == "doctor")
        return doctor_footer;
    if (command == "check-producer")
        return check_producer_footer;
    const char *examples = command == "serve"     ? serve_examples
                           : command == "publish" ? publish_examples
                           : command == "gateway" ? gateway_examples
                                                  : mcp_examples;
    return std::string(examples) + about_all;
}

} // namespace sidecar
