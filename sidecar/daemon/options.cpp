// See options.hpp. Every option is one row of a table: flag, variable, default, what it means.
#include "daemon/options.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <iostream>
#include <utility>

#include <CLI/CLI.hpp>
#include <unistd.h>

#include "base/exit_code.hpp"
#include "base/failure.hpp"
#include "base/process.hpp"
#include "base/text.hpp"
#include "postgres/conninfo.hpp"

namespace sidecar
{
namespace
{

using Values = OptionValues;

[[noreturn]] void
refuse(const std::string &why)
{
    throw Failure(Failure::Kind::configuration, why);
}

std::vector<OptionRow>
all_rows()
{
    std::vector<OptionRow> all(delivery_rows().begin(), delivery_rows().end());
    all.insert(all.end(), server_rows().begin(), server_rows().end());
    return all;
}

// The environment as flags in front of the real ones, which therefore win.
std::vector<std::string>
with_environment(const std::vector<std::string> &arguments)
{
    std::vector<std::string> all;
    for (const OptionRow &row : all_rows())
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
    options.allow_plaintext = switch_of(values, "allow-plaintext");
    if (sink.starts_with("file:")) {
        options.sink_folder = sink.substr(5);
        if (options.sink_folder.empty())
            refuse("--sink=file:DIR names no folder");
        options.delivers = true;
    } else if (!sink.empty() && sink != "http") {
        refuse("--sink must be \"http\" or \"file:DIR\"");
    } else if (!options.producer_url.empty()) {
        options.delivers = true;
    } else if (options.command != Command::mcp &&
               (options.command == Command::publish || options.server.listen.empty())) {
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
    if (token.empty() && options.command == Command::mcp)
        options.delivers = false; // the caller gets the DSN, and is told why
    else if (token.empty() && options.delivers)
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
options_of(Command command, const Values &values, const InheritedSecrets &inherited)
{
    Options options;
    options.command = command;
    options.server = server_options_of(values);
    if (command == Command::mcp && !is_user(options.server.user))
        refuse("mcp needs APPINFRA_USER: whose databases it is to see and make");
    read_sink(options, values);
    read_secrets(options, values, inherited);
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
    options.worker = values.at("worker");
    if (options.worker.empty()) {
        char host[256] = "";
        gethostname(host, sizeof host - 1);
        options.worker = std::string("appinfrad@") + host + ":" + std::to_string(getpid());
    }
    return options;
}

// How many letters have to be changed, left out or put in.
std::size_t
distance(std::string_view one, std::string_view other)
{
    std::vector<std::size_t> row(other.size() + 1);
    for (std::size_t j = 0; j <= other.size(); j++)
        row[j] = j;
    for (std::size_t i = 1; i <= one.size(); i++) {
        std::size_t diagonal = std::exchange(row[0], i);
        for (std::size_t j = 1; j <= other.size(); j++) {
            const std::size_t change = diagonal + (one[i - 1] == other[j - 1] ? 0 : 1);
            diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, change}));
        }
    }
    return row.back();
}

// The word that is much like this one, but not it; "" when there is none.
std::string
nearest(const std::string &word, const std::vector<std::string> &known)
{
    std::size_t least = 4; // changes beyond which it is another word
    std::string found;
    for (const std::string &one : known)
        if (const std::size_t changes = distance(word, one); changes < least) {
            least = changes;
            found = one;
        }
    return found == word ? "" : found;
}

// "; did you mean --x?" for the first argument that is no option or command but much like one.
std::string
suggestion(const std::vector<std::string> &arguments)
{
    const std::vector<std::string> commands = {"serve",     "publish",      "mcp",
                                               "check-env", "verify-audit", "audit"};
    std::vector<std::string> flags = {"once", "help", "version"};
    for (const OptionRow &row : all_rows())
        flags.emplace_back(row.flag);
    for (const std::string &argument : arguments) {
        const bool flag = argument.starts_with("--");
        const std::string word = flag ? argument.substr(2, argument.find('=') - 2) : argument;
        const std::string right = nearest(word, flag ? flags : commands);
        if (!right.empty() && (flag || &argument == &arguments.front()))
            return "; did you mean " + (flag ? "--" + right : right) + "?";
    }
    return "";
}

void
add_rows(CLI::App &app, Values &values)
{
    for (const OptionRow &row : all_rows()) {
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
    app.footer(options_footer);
    app.require_subcommand(1);
    app.allow_config_extras(CLI::config_extras_mode::error);
    app.fallthrough();
    Values values;
    bool once = false;
    add_rows(app, values);
    app.add_subcommand("serve", "deliver, and answer requests (--listen), until SIGTERM")
        ->footer(serve_footer);
    CLI::App *publish = app.add_subcommand("publish", "deliver what is pending now, and exit");
    publish->footer(publish_footer);
    const CLI::App *mcp = app.add_subcommand("mcp", "answer an agent on standard input and output")
                              ->footer(mcp_footer);
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
        refuse(clean_text(error.what()) + suggestion(arguments));
    }
    if (check->parsed())
        refuse("check-env must be the first argument; see appinfrad check-env --help");
    const Command command = publish->parsed() ? Command::publish
                            : mcp->parsed()   ? Command::mcp
                                              : Command::serve;
    return options_of(command, values, inherited);
}

std::size_t
count_of(const OptionValues &values, const std::string &name, std::size_t least, std::size_t most)
{
    const std::string &text = values.at(name);
    std::size_t count = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (error != std::errc() || end != text.data() + text.size() || count < least || count > most)
        refuse("--" + name + " must be a whole number from " + std::to_string(least) + " to " +
               std::to_string(most));
    return count;
}

bool
switch_of(const OptionValues &values, const std::string &name)
{
    const std::string &text = values.at(name);
    if (text != "0" && text != "1")
        refuse("--" + name + " must be 0 or 1");
    return text == "1";
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
