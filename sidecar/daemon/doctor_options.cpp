// See doctor_options.hpp.
#include "daemon/doctor_options.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <optional>

#include "base/failure.hpp"
#include "base/text.hpp"
#include "daemon/commands.hpp"
#include "daemon/env_paths.hpp"
#include "daemon/gateway_options.hpp"
#include "daemon/option_rows.hpp"
#include "base/option_values.hpp"
#include "postgres/database_url.hpp"

namespace sidecar
{
namespace
{

constexpr const char *token_variable = "OPENFACTORY_DB_PRODUCER_TOKEN";
constexpr const char *token_file_variable = "OPENFACTORY_DB_PRODUCER_TOKEN_FILE";
constexpr const char *database_variable = "APPINFRA_DATABASE_URL";
constexpr const char *database_file_variable = "APPINFRA_DATABASE_URL_FILE";

// Files that an option may name, and whether one is a secret.
struct FileOption {
    const char *option;
    bool is_secret;
};

constexpr FileOption file_options[] = {
    {"config", false},         {"database-file", true}, {"token-file", true},
    {"producer-ca", false},    {"audit-ca", false},     {"tls-cert", false},
    {"tls-key", true},         {"jwt-keys", true},      {"gateway-tls-cert", false},
    {"gateway-tls-key", true},
};

// Whether an option of serve alone tells what is to be looked at.
bool
is_looked_at(const std::string &option)
{
    return option == "listen" || option == "socket" ||
           std::any_of(std::begin(file_options), std::end(file_options),
                       [&](const auto &one) { return option == one.option; });
}

CommandSyntax
doctor_syntax()
{
    CommandSyntax syntax;
    syntax.command = "doctor";
    syntax.description = summary_of("doctor");
    syntax.footer = footer_of("doctor");
    syntax.rows.assign(delivery_rows().begin(), delivery_rows().end());
    syntax.rows.insert(syntax.rows.end(), server_rows().begin(), server_rows().end());
    for (OptionRow &row : syntax.rows)
        if (is_looked_at(row.flag))
            row.commands = "doctor";
    for (OptionRow row : gateway_rows()) {
        row.commands = "doctor";
        syntax.rows.push_back(row);
    }
    syntax.last_wins = true;
    syntax.names_unknown = true;
    return syntax;
}

// Returns the unit that the arguments or the environment name, or the one that is installed.
std::optional<UnitFile>
unit_of(const std::vector<std::string> &arguments)
{
    const char *variable = std::getenv("APPINFRA_UNIT");
    std::string path = variable != nullptr ? variable : "";
    for (std::size_t at = 0; at < arguments.size(); at++) {
        if (arguments[at].starts_with("--unit="))
            path = arguments[at].substr(7);
        else if (arguments[at] == "--unit" && at + 1 < arguments.size())
            path = arguments[at + 1];
    }
    if (path.empty())
        path = find_unit();
    if (path.empty() || path == "none")
        return std::nullopt;
    return read_unit(path);
}

// Puts into the environment what the unit says and nobody else does. A secret that was inherited
// wins over the unit's file of it.
void
take_environment(const UnitFile &unit, const InheritedSecrets &inherited)
{
    for (const auto &[name, value] : unit.environment) {
        const bool stands_back =
            (name == token_file_variable && !inherited.token.empty()) ||
            (name == database_file_variable && !inherited.database_url.empty());
        if (!stands_back)
            setenv(name.c_str(), value.c_str(), 0);
    }
    if (!unit.config.empty())
        setenv("APPINFRA_CONFIG", unit.config.c_str(), 0);
}

// Returns where this process finds a file that the service sees at a path.
std::string
here(const DoctorSettings &settings, const std::string &path)
{
    const std::string source = settings.unit ? settings.unit->source_of(path) : "";
    return source.empty() ? path : source;
}

void
read_files(DoctorSettings &settings, const OptionValues &values)
{
    const bool needs_token =
        !values.at("sink").starts_with("file:") && !values.at("producer-url").empty();
    for (const auto &[option, is_secret] : file_options)
        if (needs_token || std::string_view(option) != "token-file")
            for (const std::string &path : words_of(values.at(option)))
                settings.files.push_back({option, path, is_secret});
    const std::string &sink = values.at("sink");
    if (!sink.starts_with("file:"))
        return;
    settings.folders.push_back(sink.substr(5));
    for (const auto &[app, path] : env_paths_of(values.at("env-files"), sink.substr(5)))
        settings.folders.push_back(std::filesystem::path(path).parent_path());
}

// Reads the options of the gateway, and whether there is nothing else to look at. Throws a
// configuration Failure when they are wrong.
void
read_gateway(DoctorSettings &settings, const OptionValues &values)
{
    const bool by_unit = settings.unit && settings.unit->command == "gateway";
    settings.serves_sql = !gateway_options_of(values).listen.empty();
    settings.delivers =
        !by_unit && (!settings.serves_sql || !values.at("listen").empty() ||
                     !values.at("sink").empty() || !values.at("producer-url").empty());
    if (!settings.delivers && !settings.serves_sql)
        refuse("gateway needs APPINFRA_GATEWAY_LISTEN: where it is reached");
    if (settings.serves_sql)
        settings.unread = gateway_hints();
}

void
read_database(DoctorSettings &settings, const CommandLine &line, const InheritedSecrets &inherited)
{
    const std::string &flag = line.values.at("database");
    if (line.flags.contains("database"))
        check_database_flag(flag, database_variable);
    settings.database_password = inherited.database_password.clone();
    try {
        settings.database = database_url(
            flag.empty() ? std::nullopt : std::optional<std::string>(flag), inherited.database_url,
            here(settings, line.values.at("database-file")), database_variable);
    } catch (const Failure &failure) {
        settings.database_trouble = failure.what();
    }
}

void
read_producer(DoctorSettings &settings, const OptionValues &values,
              const InheritedSecrets &inherited)
{
    ProducerAccess &producer = settings.producer;
    if (values.at("sink").starts_with("file:"))
        return;
    producer.url = values.at("producer-url");
    producer.path = values.at("producer-path");
    producer.ca_file = here(settings, values.at("producer-ca"));
    producer.allow_plaintext = switch_of(values, "allow-plaintext");
    producer.connect_timeout = duration_of("connect-timeout", values.at("connect-timeout"));
    producer.call_timeout = duration_of("call-timeout", values.at("call-timeout"));
    if (producer.url.empty()) {
        if (values.at("listen").empty() && values.at("socket").empty())
            settings.producer_trouble = "no sink: set producer-url, or sink = \"file:DIR\"";
        return;
    }
    try {
        producer.token =
            secret_of(inherited.token, here(settings, values.at("token-file")), token_variable);
        if (producer.token.empty())
            settings.producer_trouble = "no token: set token-file";
    } catch (const Failure &failure) {
        settings.producer_trouble = failure.what();
    }
}

} // namespace

std::variant<DoctorSettings, std::string>
read_doctor_options(const std::vector<std::string> &arguments, const InheritedSecrets &inherited)
{
    DoctorSettings settings;
    settings.json = std::find(arguments.begin(), arguments.end(), "--json") != arguments.end();
    std::variant<CommandLine, std::string> answer;
    try {
        settings.unit = unit_of(arguments);
        if (settings.unit)
            take_environment(*settings.unit, inherited);
        answer = parse_command_line(doctor_syntax(), arguments);
        if (std::string *help = std::get_if<std::string>(&answer))
            return std::move(*help);
        const CommandLine &line = std::get<CommandLine>(answer);
        read_gateway(settings, line.values);
        settings.answers_requests = settings.delivers && (!line.values.at("listen").empty() ||
                                                          !line.values.at("socket").empty());
        read_files(settings, line.values);
        read_database(settings, line, inherited);
        if (settings.delivers)
            read_producer(settings, line.values, inherited);
    } catch (const Failure &failure) {
        settings.trouble = failure.what();
    }
    return settings;
}

} // namespace sidecar
