// See options.hpp. Every option is one row of a table: flag, variable, default, what it means.
#include "options.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <iostream>
#include <map>

#include <CLI/CLI.hpp>
#include <unistd.h>

#include "conninfo.hpp"
#include "exit_code.hpp"
#include "failure.hpp"
#include "process.hpp"
#include "text.hpp"

namespace sidecar
{
namespace
{

struct Row {
    const char *flag;
    const char *variable;
    const char *fallback;
    const char *help;
};

// clang-format off
constexpr Row rows[] = {
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

constexpr const char *footer =
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

using Values = std::map<std::string, std::string>;

[[noreturn]] void
refuse(const std::string &why)
{
    throw Failure(Failure::Kind::configuration, why);
}

// The environment as flags in front of the real ones, which therefore win.
std::vector<std::string>
with_environment(const std::vector<std::string> &arguments)
{
    std::vector<std::string> all;
    for (const Row &row : rows)
        if (const char *value = row.variable[0] != '\0' ? std::getenv(row.variable) : nullptr)
            if (value[0] != '\0')
                all.push_back(std::string("--") + row.flag + "=" + value);
    all.insert(all.end(), arguments.begin(), arguments.end());
    return all;
}

void
refuse_password_flag(const std::vector<std::string> &arguments)
{
    for (std::size_t i = 0; i < arguments.size(); i++) {
        const std::string &argument = arguments[i];
        std::string given;
        if (argument == "--database" && i + 1 < arguments.size())
            given = arguments[i + 1];
        else if (argument.starts_with("--database="))
            given = argument.substr(argument.find('=') + 1);
        if (!given.empty() && carries_password(given))
            refuse("--database cannot be parsed or carries a password, which everyone on this "
                   "machine could read; use APPINFRA_DATABASE_URL or --database-file");
    }
}

std::size_t
count_of(const Values &values, const std::string &name, std::size_t most)
{
    const std::string &text = values.at(name);
    std::size_t count = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (error != std::errc() || end != text.data() + text.size() || count < 1 || count > most)
        refuse("--" + name + " must be a whole number from 1 to " + std::to_string(most));
    return count;
}

// A secret from the environment or from a file; both is an error, since one of them is stale.
Secret
secret_of(const Secret &inherited, const std::string &file, const std::string &variable)
{
    if (!inherited.empty() && !file.empty())
        refuse(variable + " and " + variable + "_FILE are both set; keep one");
    return file.empty() ? inherited.clone() : secret_from_file(file);
}

void
read_sink(Options &options, const Values &values)
{
    const std::string &sink = values.at("sink");
    options.producer_url = values.at("producer-url");
    options.producer_path = values.at("producer-path");
    options.producer_ca = values.at("producer-ca");
    const std::string &plaintext = values.at("allow-plaintext");
    if (plaintext != "0" && plaintext != "1")
        refuse("--allow-plaintext must be 0 or 1");
    options.allow_plaintext = plaintext == "1";
    if (sink.starts_with("file:")) {
        options.sink_folder = sink.substr(5);
        if (options.sink_folder.empty())
            refuse("--sink=file:DIR names no folder");
    } else if (!sink.empty() && sink != "http") {
        refuse("--sink must be \"http\" or \"file:DIR\"");
    } else if (options.producer_url.empty()) {
        refuse("no sink: set APPINFRA_PRODUCER_URL, or APPINFRA_SINK=file:DIR");
    }
}

void
read_secrets(Options &options, const Values &values, const InheritedSecrets &inherited)
{
    if (!values.at("database").empty())
        options.database = Secret(values.at("database"));
    else
        options.database =
            secret_of(inherited.database_url, values.at("database-file"), "APPINFRA_DATABASE_URL");
    options.database_password = inherited.database_password.clone();
    if (!options.sink_folder.empty())
        return;
    options.token =
        secret_of(inherited.token, values.at("token-file"), "OPENFACTORY_DB_PRODUCER_TOKEN");
    const std::string_view token = options.token.reveal();
    if (token.empty())
        refuse(
            "no token: set OPENFACTORY_DB_PRODUCER_TOKEN_FILE, or OPENFACTORY_DB_PRODUCER_TOKEN");
    if (std::any_of(token.begin(), token.end(), [](char c) { return c <= ' ' || c > '~'; }))
        refuse("the producer's token has characters that no header may carry");
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

Options
options_of(const Values &values, const InheritedSecrets &inherited)
{
    Options options;
    read_sink(options, values);
    read_secrets(options, values, inherited);
    read_times(options, values);
    options.concurrency = count_of(values, "concurrency", 64);
    options.batch = count_of(values, "batch", 256);
    options.most_held = count_of(values, "max-held", 1024);
    options.log_level = log_level_of(values.at("log-level"));
    const std::string &format = values.at("log-format");
    if (format != "text" && format != "json")
        refuse("--log-format must be \"text\" or \"json\"");
    options.log_format = format == "json" ? LogFormat::json : LogFormat::text;
    options.audit_url = values.at("audit-url");
    options.audit_ca = values.at("audit-ca");
    options.worker = values.at("worker");
    if (options.worker.empty()) {
        char host[256] = "";
        gethostname(host, sizeof host - 1);
        options.worker = std::string("appinfrad@") + host + ":" + std::to_string(getpid());
    }
    return options;
}

void
add_rows(CLI::App &app, Values &values)
{
    for (const Row &row : rows) {
        std::string &value = values[row.flag] = row.fallback;
        const std::string flag = std::string("--") + row.flag;
        std::string help = row.help;
        if (row.variable[0] != '\0')
            help += " (" + std::string(row.variable) + ")";
        CLI::Option *option = flag == "--config"
                                  ? app.set_config(flag, "", help)
                                  : app.add_option(flag, value, help)->capture_default_str();
        option->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    }
}

} // namespace

InheritedSecrets
take_inherited_secrets()
{
    return {take_from_environment("OPENFACTORY_DB_PRODUCER_TOKEN"),
            take_from_environment("APPINFRA_DATABASE_URL"), take_from_environment("PGPASSWORD")};
}

std::variant<Options, int>
read_options(const std::vector<std::string> &arguments, const InheritedSecrets &inherited)
{
    refuse_password_flag(arguments);
    CLI::App app("appinfrad: delivers database credentials to the environments of apps",
                 "appinfrad");
    app.set_version_flag("--version", "appinfrad " APPINFRA_VERSION);
    app.footer(footer);
    app.require_subcommand(1);
    app.allow_config_extras(CLI::config_extras_mode::error);
    app.fallthrough();
    Values values;
    bool once = false;
    add_rows(app, values);
    app.add_subcommand("serve", "deliver until SIGTERM");
    CLI::App *publish = app.add_subcommand("publish", "deliver what is pending now, and exit");
    publish->add_flag("--once", once, "do so once (the only mode there is)")->required();
    // It has options of its own (check_env_options.hpp); here it is only listed.
    const CLI::App *check =
        app.add_subcommand("check-env", "check an environment against the DSN contract");
    app.add_subcommand("verify-audit", "check the audit log; see verify-audit --help");
    app.add_subcommand("audit", "write the audit log as JSON lines; see audit --help");
    std::vector<std::string> all = with_environment(arguments);
    std::reverse(all.begin(), all.end()); // as CLI11 wants them
    try {
        app.parse(all);
    } catch (const CLI::Success &answer) {
        return app.exit(answer);
    } catch (const CLI::ParseError &error) {
        refuse(clean_text(error.what()));
    }
    if (check->parsed())
        refuse("check-env must be the first argument; see appinfrad check-env --help");
    Options options = options_of(values, inherited);
    options.command = publish->parsed() ? Command::publish : Command::serve;
    return options;
}

Duration
duration_of(const std::string &name, const std::string &text)
{
    double number = 0;
    const char *end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, number);
    const std::string unit(rest, end);
    const double factor = unit == "ms"                  ? 1
                          : unit == "s" || unit.empty() ? 1000
                          : unit == "m"                 ? 60'000
                          : unit == "h"                 ? 3'600'000
                                                        : 0;
    const double millis = number * factor;
    if (error != std::errc() || !(millis >= 1 && millis <= 86'400'000))
        refuse("--" + name + " must be a time from 1ms to 24h, such as 500ms, 15s or 2m");
    return Duration(static_cast<Duration::rep>(millis));
}

} // namespace sidecar
