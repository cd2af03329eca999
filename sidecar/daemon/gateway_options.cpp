// See gateway_options.hpp.
#include "daemon/gateway_options.hpp"

#include <cstdlib>

#include "base/failure.hpp"
#include "base/loopback.hpp"
#include "base/text.hpp"
#include "base/option_values.hpp"
#include "rest/allowed_names.hpp"

namespace sidecar
{
namespace
{

constexpr const char *by = "serve gateway";
constexpr const char *gateway = "SQL gateway (/v1)";
constexpr const char *limits = "Limits of the SQL gateway";

// clang-format off
constexpr OptionRow rows[] = {
    {"gateway-listen", "APPINFRA_GATEWAY_LISTEN", "", by, gateway, "where /v1 is served: ADDRESS:PORT, [ADDRESS]:PORT or unix:PATH; may be that of --listen; empty: nowhere"},
    {"gateway-tls-cert", "APPINFRA_GATEWAY_TLS_CERT", "", by, gateway, "PEM file with the certificate chain; as tls-cert when empty"},
    {"gateway-tls-key", "APPINFRA_GATEWAY_TLS_KEY", "", by, gateway, "PEM file with its key; as tls-key when empty"},
    {"gateway-insecure-http", "AGENTCOOPDB_INSECURE_HTTP", "false", by, gateway, "true: a network address without TLS, which ends elsewhere"},
    {"gateway-host", "APPINFRA_GATEWAY_HOST", "", by, gateway, "host, or folder of the socket, by which workspaces are reached; as appinfra.public_host when empty"},
    {"gateway-trust-proxy", "AGENTCOOPDB_TRUST_PROXY", "false", by, gateway, "true: X-Real-Ip or X-Forwarded-For say the client's address, from loopback or the unix socket"},
    {"gateway-mcp", "AGENTCOOPDB_MCP_ENABLED", "true", by, gateway, "false: no /v1/mcp"},
    {"gateway-origins", "APPINFRA_GATEWAY_ORIGINS", "", by, gateway, "origins whose pages may call, separated by commas"},
    {"gateway-audit-sql", "AGENTCOOPDB_AUDIT_INCLUDE_SQL", "false", by, gateway, "true: statements, 8 KiB at most, never parameters, stand in the audit log"},
    {"key-rotate-overlap", "AGENTCOOPDB_KEY_ROTATE_OVERLAP", "24h", by, gateway, "how long a rotated key lives on, when the request does not say; 90d at most"},
    {"max-statement-bytes", "AGENTCOOPDB_MAX_STATEMENT_BYTES", "262144", by, limits, "of a statement"},
    {"max-statement-params", "AGENTCOOPDB_MAX_STATEMENT_PARAMS", "1000", by, limits, "parameters of a statement"},
    {"max-request-bytes", "AGENTCOOPDB_MAX_REQUEST_BODY_BYTES", "1048576", by, limits, "of a request's body, 1 MiB at most"},
    {"max-answer-bytes", "AGENTCOOPDB_MAX_RESPONSE_BODY_BYTES", "8388608", by, limits, "of an answer"},
    {"gateway-statement-timeout", "AGENTCOOPDB_STATEMENT_TIMEOUT", "5s", by, limits, "for a statement, 60s at most"},
    {"idle-in-tx-timeout", "AGENTCOOPDB_IDLE_IN_TX_TIMEOUT", "5s", by, limits, "for which a transaction may wait for the gateway, 60s at most"},
    {"gateway-rate-limit", "AGENTCOOPDB_RATE_LIMIT_PER_SECOND", "60", by, limits, "requests a second of one key, or of an address without one; 0: any"},
    {"gateway-rate-burst", "AGENTCOOPDB_RATE_LIMIT_BURST", "120", by, limits, "requests at once"},
    {"workspace-connections", "AGENTCOOPDB_DATABASE_MAX_CONNS", "20", by, limits, "connections to one workspace, 1 to 1000"},
    {"gateway-connections", "APPINFRA_GATEWAY_CONNECTIONS", "100", by, limits, "connections to all workspaces, 1 to 10000"},
};
// clang-format on

constexpr int max_overlap_days = 90; // as the registry
constexpr Duration max_timeout = std::chrono::seconds(60);

bool
truth_of(const OptionValues &values, const std::string &name)
{
    const std::string &text = values.at(name);
    if (text != "true" && text != "false" && text != "1" && text != "0")
        refuse("--" + name + " must be \"true\" or \"false\"");
    return text == "true" || text == "1";
}

Duration
limited_time(const OptionValues &values, const std::string &name)
{
    const Duration time = duration_of(name, values.at(name));
    if (time < std::chrono::milliseconds(1) || time > max_timeout)
        refuse("--" + name + " must be 60s at most, and more than 0");
    return time;
}

void
check_listening(const GatewayOptions &options, bool insecure)
{
    if (options.tls_certificate.empty() != options.tls_key.empty())
        refuse("--gateway-tls-cert and --gateway-tls-key go together");
    const bool local = options.listen.starts_with("unix:");
    const bool loopback = local || is_loopback(options.listen.substr(0, options.listen.rfind(':')));
    if (!loopback && options.tls_certificate.empty() && !insecure)
        refuse("--gateway-listen on an address that is no loopback address needs "
               "--gateway-tls-cert and --gateway-tls-key, or AGENTCOOPDB_INSECURE_HTTP=true where "
               "TLS ends elsewhere");
}

} // namespace

std::span<const OptionRow>
gateway_rows()
{
    return rows;
}

GatewayOptions
gateway_options_of(const OptionValues &values)
{
    GatewayOptions options;
    options.listen = values.at("gateway-listen");
    if (options.listen.empty())
        return options;
    const bool own =
        !values.at("gateway-tls-cert").empty() || !values.at("gateway-tls-key").empty();
    if (!options.listen.starts_with("unix:")) {
        options.tls_certificate = values.at(own ? "gateway-tls-cert" : "tls-cert");
        options.tls_key = values.at(own ? "gateway-tls-key" : "tls-key");
    }
    options.host = values.at("gateway-host");
    options.trust_proxy = truth_of(values, "gateway-trust-proxy");
    options.mcp = truth_of(values, "gateway-mcp");
    options.audit_sql = truth_of(values, "gateway-audit-sql");
    options.statement_bytes = count_of(values, "max-statement-bytes", 1, 1024 * 1024);
    options.statement_parameters = count_of(values, "max-statement-params", 0, 65535);
    options.request_bytes = count_of(values, "max-request-bytes", 1024, 1024 * 1024);
    options.answer_bytes = count_of(values, "max-answer-bytes", 1024, 64 * 1024 * 1024);
    options.workspace_connections = count_of(values, "workspace-connections", 1, 1000);
    options.connections = count_of(values, "gateway-connections", 1, 10'000);
    options.statement_timeout = limited_time(values, "gateway-statement-timeout");
    options.idle_in_transaction = limited_time(values, "idle-in-tx-timeout");
    options.rate = static_cast<double>(count_of(values, "gateway-rate-limit", 0, 1'000'000));
    options.burst = static_cast<double>(count_of(values, "gateway-rate-burst", 1, 1'000'000));
    options.rotate_overlap =
        std::to_string(
            duration_of("key-rotate-overlap", values.at("key-rotate-overlap"), max_overlap_days)
                .count()) +
        " ms";
    options.origins = words_of(values.at("gateway-origins"));
    for (const std::string &origin : options.origins)
        if (!is_origin(origin))
            refuse(
                "--gateway-origins takes origins such as https://console.example, without a path");
    check_listening(options, truth_of(values, "gateway-insecure-http"));
    return options;
}

std::vector<std::string>
gateway_hints()
{
    struct Hint {
        const char *variable;
        const char *instead;
    };
    static constexpr Hint hints[] = {
        {"AGENTCOOPDB_DATABASE_URL", "APPINFRA_DATABASE_URL, a login in appinfra_gateway"},
        {"AGENTCOOPDB_MIGRATIONS_DATABASE_URL", "nothing: the extension brings its own tables"},
        {"AGENTCOOPDB_OWNER_PASSWORD", "nothing: workspaces' logins are made as they are needed"},
        {"AGENTCOOPDB_GATEWAY_PASSWORD", "nothing: workspaces' logins are made as they are needed"},
    };
    if (const char *disabled = std::getenv("AGENTCOOPDB_AUDIT_DISABLED");
        disabled != nullptr && *disabled != '\0')
        refuse("AGENTCOOPDB_AUDIT_DISABLED is set: the audit log cannot be switched off");
    std::vector<std::string> lines;
    for (const Hint &hint : hints)
        if (const char *value = std::getenv(hint.variable); value != nullptr && *value != '\0')
            lines.push_back(std::string(hint.variable) + " is not read; in its place stands " +
                            hint.instead);
    return lines;
}

} // namespace sidecar
