// The options of delivering, and what --help says beyond them. The options of the server are in
// door_options.cpp.
#include "daemon/option_row.hpp"

namespace sidecar
{
namespace
{

// clang-format off
constexpr OptionRow rows[] = {
    {"config", "APPINFRA_CONFIG", "", "file of options, name = value, as named here without --"},
    {"database", "", "", "libpq connection string without a password; several hosts allowed; wins over APPINFRA_DATABASE_URL"},
    {"database-file", "APPINFRA_DATABASE_URL_FILE", "", "file with the connection string (password allowed)"},
    {"token-file", "OPENFACTORY_DB_PRODUCER_TOKEN_FILE", "", "file with the producer's bearer token"},
    {"sink", "APPINFRA_SINK", "", "\"http\" (the producer API) or \"file:DIR\" (environment files); http when producer-url is set"},
    {"producer-url", "APPINFRA_PRODUCER_URL", "", "base URL of the producer API; https, or http to a loopback address"},
    {"producer-path", "APPINFRA_PRODUCER_PATH", "/api/apps/{app_id}/env", "path template; {app_id} is replaced"},
    {"producer-ca", "APPINFRA_PRODUCER_CA", "", "PEM file of the only authorities trusted for the producer; else the system's"},
    {"allow-plaintext", "APPINFRA_ALLOW_PLAINTEXT", "0", "1: http to any host, secrets travel in clear"},
    {"worker", "APPINFRA_WORKER", "", "name under which publications are claimed; host name and process id when empty"},
    {"concurrency", "APPINFRA_CONCURRENCY", "8", "sends at a time, 1 to 64"},
    {"batch", "APPINFRA_BATCH", "16", "publications claimed at once, 1 to 256"},
    {"max-held", "APPINFRA_MAX_HELD", "64", "claims held at a time, those that wait included, 1 to 1024"},
    {"poll", "APPINFRA_POLL", "5s", "time between claims when nobody notifies"},
    {"lease", "APPINFRA_LEASE", "60s", "how long a claim is ours; extended after a third; at least twice call-timeout"},
    {"connect-timeout", "APPINFRA_CONNECT_TIMEOUT", "5s", "for connecting to the producer"},
    {"call-timeout", "APPINFRA_CALL_TIMEOUT", "15s", "for a whole call of the producer"},
    {"retry-first", "APPINFRA_RETRY_FIRST", "500ms", "ceiling of the first random pause before a send is repeated; doubles each time"},
    {"retry-longest", "APPINFRA_RETRY_LONGEST", "60s", "highest ceiling of that pause"},
    {"probe", "APPINFRA_PROBE", "60s", "time between tries while the producer refuses our token"},
    {"statement-timeout", "APPINFRA_STATEMENT_TIMEOUT", "20s", "for a statement in the database"},
    {"reconnect-longest", "APPINFRA_RECONNECT_LONGEST", "15s", "highest ceiling of the random pause between connects to the database"},
    {"drain-timeout", "APPINFRA_DRAIN_TIMEOUT", "20s", "how long sends under way may last after SIGTERM"},
    {"timeout", "APPINFRA_PUBLISH_TIMEOUT", "60s", "of publish --once as a whole"},
    {"audit-url", "APPINFRA_AUDIT_URL", "", "where seals of the audit log are posted; https, or http to a loopback address; into the log when empty"},
    {"audit-ca", "APPINFRA_AUDIT_CA", "", "PEM file of the only authorities trusted for audit-url; else the system's"},
    {"log-format", "APPINFRA_LOG_FORMAT", "text", "\"text\" or \"json\", one event a line, to stderr"},
    {"log-level", "APPINFRA_LOG_LEVEL", "info", "debug, info, warn or error"},
};
// clang-format on

} // namespace

std::span<const OptionRow>
delivery_rows()
{
    return rows;
}

const char *const options_footer =
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

const char *const serve_footer =
    "Examples:\n"
    "  appinfrad serve --producer-url=https://secrets.example --listen=127.0.0.1:8080 \\\n"
    "      --jwt-keys=/etc/appinfra/jwt.pem\n"
    "  appinfrad serve --sink=file:/var/lib/appinfra/env\n"
    "  appinfrad serve --listen=unix:/run/appinfra/api --trust-loopback=1   # REST and MCP only\n"
    "The other options: appinfrad --help";

const char *const publish_footer =
    "Example:\n"
    "  appinfrad publish --once --producer-url=https://secrets.example --timeout=2m\n"
    "The other options: appinfrad --help";

const char *const mcp_footer =
    "Speaks the Model Context Protocol on standard input and output, for one user, APPINFRA_USER.\n"
    "Example, as an agent's configuration has it:\n"
    "  {\"command\": \"appinfrad\", \"args\": [\"mcp\"],\n"
    "   \"env\": {\"APPINFRA_USER\": \"user@example.com\",\n"
    "           \"APPINFRA_DATABASE_URL_FILE\": \"/etc/appinfra/database-url\"}}\n"
    "With a producer (or another sink) configured it delivers, too, and no answer has a password.\n"
    "The other options: appinfrad --help";

} // namespace sidecar
