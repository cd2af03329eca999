// See server_options.hpp.
#include "daemon/server_options.hpp"

#include "base/failure.hpp"
#include "base/loopback.hpp"
#include "base/text.hpp"
#include "base/option_values.hpp"

namespace sidecar
{
namespace
{

// clang-format off
constexpr const char *listening = "Listening (REST, MCP, metrics)";
constexpr const char *access = "Who is let in";
constexpr const char *mcp_tools = "MCP";
constexpr const char *limits = "Limits of requests";

constexpr OptionRow rows[] = {
    {"listen", "APPINFRA_LISTEN", "", "serve", listening, "where REST, MCP and metrics are served: ADDRESS:PORT, [ADDRESS]:PORT or unix:PATH; empty: nowhere"},
    {"socket", "APPINFRA_SOCKET", "", "serve", listening, "path of the unix socket of this machine's administrators, root and --socket-admin-group; empty: none"},
    {"socket-owner", "APPINFRA_SOCKET_OWNER", "", "serve", listening, "user whose file it is; empty: the process's"},
    {"socket-group", "APPINFRA_SOCKET_GROUP", "", "serve", listening, "group whose file it is; empty: --socket-admin-group, else the process's"},
    {"socket-admin-group", "APPINFRA_SOCKET_ADMIN_GROUP", "", "serve", access, "group whose members administer through --socket, besides root; the kernel says who is at the other end"},
    {"tls-cert", "APPINFRA_TLS_CERT", "", "serve", listening, "PEM file with the certificate chain; read again at SIGHUP"},
    {"tls-key", "APPINFRA_TLS_KEY", "", "serve", listening, "PEM file with its key"},
    {"tenant-metrics", "APPINFRA_TENANT_METRICS", "0", "serve", listening, "1: metrics of what each database uses, nine series of each"},
    {"jwt-keys", "APPINFRA_JWT_KEYS", "", "serve", access, "files with the keys of bearer tokens, separated by commas: PEM public keys (RS256, ES256) or secrets of 32 bytes at least (HS256)"},
    {"jwt-issuer", "APPINFRA_JWT_ISSUER", "", "serve", access, "the \"iss\" that tokens must have; empty: any"},
    {"jwt-audience", "APPINFRA_JWT_AUDIENCE", "", "serve", access, "the \"aud\" that tokens must have; empty: any"},
    {"trust-loopback", "APPINFRA_TRUST_LOOPBACK", "0", "serve", access, "1: the header X-User-Email says who asks, from a loopback address or the unix socket"},
    {"allowed-hosts", "APPINFRA_ALLOWED_HOSTS", "", "serve", access, "with --trust-loopback=1: names besides loopback by which requests may reach it, separated by commas, without a port"},
    {"allowed-origins", "APPINFRA_ALLOWED_ORIGINS", "", "serve", access, "origins whose pages may call, separated by commas, such as http://localhost:6274"},
    {"apps", "APPINFRA_APPS", "registered", "serve and mcp", access, "whose an app is: \"registered\", as an administrator or the token says; \"open\": the first one's who asks for it, for hosts with one user"},
    {"guests", "APPINFRA_GUESTS", "off", "serve", access, "from where callers without a token may have buckets by the header X-Guest-Id: \"off\", \"loopback\" or \"any\""},
    {"guest-quota", "APPINFRA_GUEST_QUOTA", "100MiB", "serve", access, "size of a guest's bucket: bytes, or with KiB, MiB or GiB behind"},
    {"user", "APPINFRA_USER", "", "mcp", mcp_tools, "whose databases it sees and makes"},
    {"publish-wait", "APPINFRA_PUBLISH_WAIT", "10s", "serve and mcp", mcp_tools, "how long a tool of MCP waits for its publication"},
    {"rate-limit", "APPINFRA_RATE_LIMIT", "60", "serve", limits, "requests a second of one user, twice that in a burst; 0: any"},
    {"max-connections", "APPINFRA_MAX_CONNECTIONS", "1000", "serve gateway", limits, "open connections, 1 to 10000"},
    {"database-connections", "APPINFRA_DATABASE_CONNECTIONS", "4", "serve and mcp", limits, "connections to the database for requests, 2 to 64"},
    {"head-timeout", "APPINFRA_HEAD_TIMEOUT", "10s", "serve gateway", limits, "from the first byte of a request to the end of its head"},
    {"idle-timeout", "APPINFRA_IDLE_TIMEOUT", "60s", "serve gateway", limits, "between two requests of a connection"},
    {"request-timeout", "APPINFRA_REQUEST_TIMEOUT", "30s", "serve gateway", limits, "for a request's body, its answer, and sending that"},
};
// clang-format on

std::vector<TokenKey>
keys_of(const std::string &files)
{
    std::vector<TokenKey> keys;
    for (const std::string &file : words_of(files))
        keys.push_back(token_key_of(file));
    return keys;
}

AllowedNames
names_of(const OptionValues &values)
{
    AllowedNames names = {words_of(values.at("allowed-hosts")),
                          words_of(values.at("allowed-origins"))};
    for (const std::string &host : names.hosts)
        if (host_of(host) != host)
            refuse("--allowed-hosts takes names without ports, separated by commas");
    for (const std::string &origin : names.origins)
        if (!is_origin(origin))
            refuse(
                "--allowed-origins takes origins such as https://console.example, without a path");
    return names;
}

bool
open_apps_of(const OptionValues &values)
{
    const std::string &apps = values.at("apps");
    if (apps != "registered" && apps != "open")
        refuse("--apps must be \"registered\" or \"open\"");
    return apps == "open";
}

Guests
guests_of(const OptionValues &values)
{
    const std::string &from = values.at("guests");
    Guests guests;
    guests.quota = size_of(values, "guest-quota");
    if (from == "loopback")
        guests.from = GuestsFrom::loopback;
    else if (from == "any")
        guests.from = GuestsFrom::anywhere;
    else if (from != "off")
        refuse("--guests must be \"off\", \"loopback\" or \"any\"");
    return guests;
}

void
check_server(const ServerOptions &options, bool allow_plaintext)
{
    const AdminSocketSettings &socket = options.socket;
    if (socket.path.empty() && !(socket.owner + socket.group + socket.admin_group).empty())
        refuse("--socket-owner, --socket-group and --socket-admin-group go with --socket");
    if (options.tls_certificate.empty() != options.tls_key.empty())
        refuse("--tls-cert and --tls-key go together");
    if (options.listen.empty())
        return;
    const bool local = options.listen.starts_with("unix:");
    const bool loopback = local || is_loopback(options.listen.substr(0, options.listen.rfind(':')));
    if (options.open_apps && !loopback)
        refuse(
            "--apps=open is for loopback addresses and unix sockets: any user of the network could "
            "take any app");
    if (local && !options.tls_certificate.empty())
        refuse("--tls-cert is for addresses, not for a unix socket");
    if (!loopback && options.tls_certificate.empty() && !allow_plaintext)
        refuse("--listen on an address that is no loopback address needs --tls-cert and --tls-key "
               "(or --allow-plaintext=1: tokens and passwords travel in clear)");
    if (options.tokens.keys.empty() && !options.trust_loopback)
        refuse("--listen needs --jwt-keys, or --trust-loopback=1: else nobody could be let in");
}

} // namespace

std::span<const OptionRow>
server_rows()
{
    return rows;
}

ServerOptions
server_options_of(const OptionValues &values)
{
    ServerOptions options;
    options.listen = values.at("listen");
    options.socket = {values.at("socket"), values.at("socket-owner"), values.at("socket-group"),
                      values.at("socket-admin-group")};
    options.tls_certificate = values.at("tls-cert");
    options.tls_key = values.at("tls-key");
    options.tokens = {keys_of(values.at("jwt-keys")), values.at("jwt-issuer"),
                      values.at("jwt-audience")};
    options.trust_loopback = switch_of(values, "trust-loopback");
    options.names = names_of(values);
    options.open_apps = open_apps_of(values);
    options.guests = guests_of(values);
    options.tenant_metrics = switch_of(values, "tenant-metrics");
    options.user = values.at("user");
    options.rate = static_cast<double>(count_of(values, "rate-limit", 0, 1'000'000));
    options.connections = count_of(values, "max-connections", 1, 10'000);
    options.database_connections = count_of(values, "database-connections", 2, 64);
    options.head_timeout = duration_of("head-timeout", values.at("head-timeout"));
    options.idle_timeout = duration_of("idle-timeout", values.at("idle-timeout"));
    options.request_timeout = duration_of("request-timeout", values.at("request-timeout"));
    options.publish_wait = duration_of("publish-wait", values.at("publish-wait"));
    check_server(options, switch_of(values, "allow-plaintext"));
    return options;
}

HttpServerSettings
http_server_settings(const ServerOptions &options, const std::string &listen,
                     const std::string &certificate, const std::string &key)
{
    HttpServerSettings settings;
    settings.listen = listen;
    settings.tls_certificate = certificate;
    settings.tls_key = key;
    settings.max_connections = options.connections;
    settings.head_timeout = options.head_timeout;
    settings.idle_timeout = options.idle_timeout;
    settings.request_timeout = options.request_timeout;
    return settings;
}

} // namespace sidecar
