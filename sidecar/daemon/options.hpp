// What the sidecar was told, by flag, environment or file, in this order of precedence.
// Secrets come by environment or file only, never by a flag, since /proc/*/cmdline is for everyone.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "base/clock.hpp"
#include "base/command_line.hpp"
#include "base/log.hpp"
#include "base/secret.hpp"
#include "daemon/gateway_options.hpp"
#include "daemon/inherited_secrets.hpp"
#include "daemon/server_options.hpp"
#include "daemon/storage_options.hpp"
#include "delivery/file_sink.hpp"

namespace sidecar
{

enum class Command { serve, publish, mcp, gateway };

struct Options {
    Command command = Command::serve;
    Secret database;          // libpq connection string
    Secret database_password; // PGPASSWORD
    Secret token;
    bool delivers = false; // there is a sink for databases
    StorageOptions storage;
    ServerOptions server;
    GatewayOptions gateway;
    std::string sink_directory; // of the file sink; empty: the producer API
    EnvPaths env_paths;         // of single apps, beside that folder
    std::string producer_url;
    std::string producer_path;
    std::string producer_ca;
    bool allow_plaintext = false;
    std::string audit_url; // where seals go; empty: into the log
    std::string audit_ca;
    std::string worker;
    bool worker_given = false;
    std::size_t concurrency = 8;
    std::size_t batch = 16;
    std::size_t max_held = 64;
    Duration poll{};
    Duration lease{};
    Duration connect_timeout{};
    Duration call_timeout{};
    Duration retry_first{};
    Duration retry_longest{};
    Duration probe{};
    Duration statement_timeout{};
    Duration reconnect_longest{};
    Duration drain_timeout{};
    Duration publish_timeout{};
    LogFormat log_format = LogFormat::text;
    LogLevel log_level = LogLevel::info;
};

// Whether buckets' variables are delivered: there is a sink for them, and the store that makes
// their keys.
bool delivers_buckets(const Options &options);

// Whether buckets at the store are brought to what the registry wants from here.
bool works_at_buckets(const Options &options);

// What is said where the producer's token lacks.
inline constexpr const char *no_token =
    "no token: set OPENFACTORY_DB_PRODUCER_TOKEN_FILE, or OPENFACTORY_DB_PRODUCER_TOKEN";

// Returns the producer's token; empty when there is none.
Secret producer_token(const OptionValues &values, const InheritedSecrets &inherited);

// Returns what a command that shares the file of options takes.
CommandSyntax syntax_of(const std::string &command);

// Returns the options of the command that stands first in arguments: serve, publish, mcp or
// gateway; or the text of its --help. Throws a configuration Failure when they are wrong.
std::variant<Options, std::string> read_options(const std::vector<std::string> &arguments,
                                                const InheritedSecrets &inherited);

} // namespace sidecar
