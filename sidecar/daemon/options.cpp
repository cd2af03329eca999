// See options.hpp. Every option is one row of a table, in option_rows.cpp and server_options.cpp.
#include "daemon/options.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include <unistd.h>

#include "base/command_line.hpp"
#include "base/failure.hpp"
#include "base/process.hpp"
#include "base/text.hpp"
#include "daemon/commands.hpp"
#include "daemon/env_paths.hpp"
#include "daemon/option_rows.hpp"
#include "base/option_values.hpp"
#include "postgres/database_url.hpp"

namespace sidecar
{
namespace
{

using Values = OptionValues;

void
read_sink(Options &options, const Values &values)
{
    const std::string &sink = values.at("sink");
    if (!values.at("env-files").empty() && !sink.starts_with("file:"))
        refuse("--env-files goes with --sink=file:DIR only");
    options.producer_url = values.at("producer-url");
    options.producer_path = values.at("producer-path");
    options.producer_ca = values.at("producer-ca");
    options.allow_plaintext = switch_of(values, "allow-plaintext");
    if (sink.starts_with("file:")) {
        options.sink_directory = sink.substr(5);
        if (options.sink_directory.empty())
            refuse("--sink=file:DIR names no folder");
        options.env_paths = env_paths_of(values.at("env-files"), options.sink_directory);
        options.delivers = true;
    } else if (!sink.empty() && sink != "http") {
        refuse("--sink must be \"http\" or \"file:DIR\"");
    } else if (!options.producer_url.empty()) {
        options.delivers = true;
    } else if (options.command != Command::mcp &&
               (options.command == Command::publish ||
                (!options.server.answers() && options.gateway.listen.empty()))) {
        refuse("no sink: set APPINFRA_PRODUCER_URL, or APPINFRA_SINK=file:DIR");
    }
}

void
read_secrets(Options &options, const CommandLine &line, const InheritedSecrets &inherited)
{
    const Values &values = line.values;
    const std::string &database = values.at("database");
    if (line.flags.contains("database"))
        check_database_flag(database, "APPINFRA_DATABASE_URL");
    options.database =
        database_url(database.empty() ? std::nullopt : std::optional<std::string>(database),
                     inherited.database_url, values.at("database-file"), "APPINFRA_DATABASE_URL");
    options.database_password = inherited.database_password.clone();
    if (!options.delivers || !options.sink_directory.empty())
        return; // the unit names the token's file whether there is one or not
    options.token = producer_token(values, inherited);
    if (options.token.empty() && (options.command == Command::mcp || delivers_buckets(options)))
        options.delivers = false; // a caller of MCP gets the DSN, and is told why
    else if (options.token.empty() && options.delivers)
        refuse(no_token);
}

void
read_times(Options &options, const Values &values)
{
    const auto time = [&](const std::string &name) {
        return duration_of(name, values.at(name));
    };
    options.poll = time("poll");
    options.lease = time("lease");
    options.connect_timeout = time("connect-timeout");
    options.call_timeout = time("call-timeout");
    options.retry_first = time("retry-first");
    options.retry_longest = time("retry-longest");
    options.probe = time("probe");
    options.statement_timeout = time("statement-timeout");
    options.reconnect_longest = time("reconnect-longest");
    options.drain_timeout = time("drain-timeout");
    options.publish_timeout = time("timeout");
    if (options.lease < 2 * options.call_timeout)
        refuse("--lease must be at least twice --call-timeout, so that no send outlives it");
}

std::string
default_worker()
{
    char host[256] = "";
    gethostname(host, sizeof host - 1);
    return std::string("appinfrad@") + host + ":" + std::to_string(getpid());
}

Options
options_of(Command command, const CommandLine &line, const InheritedSecrets &inherited)
{
    const Values &values = line.values;
    Options options;
    options.command = command;
    options.server = server_options_of(values);
    if (command == Command::gateway || command == Command::serve)
        options.gateway = gateway_options_of(values);
    if (command == Command::gateway) {
        options.server.listen.clear();
        options.server.socket = {};
        if (options.gateway.listen.empty())
            refuse("gateway needs APPINFRA_GATEWAY_LISTEN: where it is reached");
    }
    if (command == Command::mcp && !is_user(options.server.user))
        refuse("mcp needs APPINFRA_USER: whose databases it is to see and make");
    if (command == Command::publish && values.at("once").empty())
        refuse("publish needs --once (the only mode there is)");
    if (command != Command::gateway)
        read_sink(options, values);
    options.storage = storage_options_of(values, inherited, options.allow_plaintext);
    read_secrets(options, line, inherited);
    read_times(options, values);
    options.concurrency = count_of(values, "concurrency", 1, 64);
    options.batch = count_of(values, "batch", 1, 256);
    options.max_held = count_of(values, "max-held", 1, 1024);
    options.log_level = log_level_of(values.at("log-level"));
    const std::string &format = values.at("log-format");
    if (format != "text" && format != "json")
        refuse("--log-format must be \"text\" or \"json\"");
    options.log_format = format == "json" ? LogFormat::json : LogFormat::text;
    options.audit_url = values.at("audit-url");
    options.audit_ca = values.at("audit-ca");
    options.worker_given = !values.at("worker").empty();
    options.worker = values.at("worker").empty() ? default_worker() : values.at("worker");
    return options;
}

} // namespace

bool
delivers_buckets(const Options &options)
{
    const bool sink = !options.sink_directory.empty() ||
                      (!options.producer_url.empty() && !options.storage.token.empty());
    return sink && options.storage.has_store();
}

bool
works_at_buckets(const Options &options)
{
    return options.command == Command::serve && options.storage.has_store();
}

CommandSyntax
syntax_of(const std::string &command)
{
    CommandSyntax syntax;
    syntax.command = command;
    syntax.description = summary_of(command);
    syntax.footer = footer_of(command);
    syntax.rows.assign(delivery_rows().begin(), delivery_rows().end());
    syntax.rows.insert(syntax.rows.end(), server_rows().begin(), server_rows().end());
    syntax.rows.insert(syntax.rows.end(), storage_rows().begin(), storage_rows().end());
    syntax.rows.insert(syntax.rows.end(), gateway_rows().begin(), gateway_rows().end());
    syntax.last_wins = true;
    syntax.names_unknown = true;
    return syntax;
}

Secret
producer_token(const OptionValues &values, const InheritedSecrets &inherited)
{
    return bearer_token(
        secret_of(inherited.token, values.at("token-file"), "OPENFACTORY_DB_PRODUCER_TOKEN"),
        "the producer's token");
}

std::variant<Options, std::string>
read_options(const std::vector<std::string> &arguments, const InheritedSecrets &inherited)
{
    const std::string name = arguments.empty() ? "" : arguments.front();
    check_command(name);
    auto answer = parse_command_line(syntax_of(name), {arguments.begin() + 1, arguments.end()});
    if (std::string *help = std::get_if<std::string>(&answer))
        return std::move(*help);
    const Command command = name == "publish"   ? Command::publish
                            : name == "mcp"     ? Command::mcp
                            : name == "gateway" ? Command::gateway
                                                : Command::serve;
    return options_of(command, std::get<CommandLine>(answer), inherited);
}

} // namespace sidecar
