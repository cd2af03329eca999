// See check_env.hpp.
#include "check_env/check_env.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>
#include <system_error>
#include <variant>

#include <unistd.h>

#include "base/failure.hpp"
#include "base/input_file.hpp"
#include "base/process.hpp"
#include "base/text.hpp"
#include "check_env/compose.hpp"
#include "check_env/env_text.hpp"
#include "check_env/options.hpp"
#include "check_env/pg_roles.hpp"
#include "check_env/report.hpp"
#include "postgres/database_url.hpp"

namespace sidecar
{
namespace
{

constexpr std::size_t largest_file = 1024 * 1024;

// A file as a message names it. A DSN that was given by mistake is not repeated.
std::string
label_of(const std::string &file)
{
    if (file == "-")
        return "standard input";
    if (file.find("://") != std::string::npos || file.find('=') != std::string::npos)
        return "the file given (its name looks like a DSN and is not shown)";
    return "\"" + clean_text(file) + "\"";
}

std::string
contents_of(std::istream &in, const std::string &file)
{
    std::string text;
    char part[4096];
    while (in.read(part, sizeof part), in.gcount() > 0) {
        text.append(part, static_cast<std::size_t>(in.gcount()));
        if (text.size() > largest_file)
            refuse(label_of(file) + " is larger than 1 MiB");
    }
    if (in.bad())
        refuse(label_of(file) + " cannot be read: " + std::generic_category().message(errno));
    return text;
}

// A file, or standard input.
std::string
read_input(const std::string &file, std::istream &standard_input)
{
    if (file == "-")
        return contents_of(standard_input, file);
    std::ifstream in = open_input(file, label_of(file));
    return contents_of(in, file);
}

void
add_file(std::vector<Variable> &variables, const std::string &file, std::istream &standard_input)
{
    const std::string text = read_input(file, standard_input);
    try {
        for (Variable &variable : read_env_text(text))
            variables.push_back(std::move(variable));
    } catch (const Failure &failure) {
        refuse(label_of(file) + ": " + failure.what());
    }
}

std::vector<Variable>
variables_of(const CheckEnvOptions &options, CheckEnvInput &input)
{
    if (options.files.empty())
        return std::move(input.environment);
    if (std::count(options.files.begin(), options.files.end(), "-") > 1)
        refuse("standard input (-) can be read only once");
    std::vector<Variable> variables;
    for (const std::string &file : options.files)
        add_file(variables, file, input.io.in);
    return variables;
}

// The DSN of the server to ask, when one is to be asked.
std::optional<Secret>
server_of(const CheckEnvOptions &options, const CheckEnvInput &input)
{
    if (!options.database && input.database_url.empty() && input.database_url_file.empty())
        return std::nullopt;
    return database_url(options.database, input.database_url, input.database_url_file,
                        "APPINFRA_CHECK_DATABASE_URL");
}

// Adds what only a server can tell about an environment.
void
ask_server(EnvReport &report, RoleCatalog &catalog)
{
    Findings more = check_roles(report.checked.dsns, report.container, catalog);
    std::move(more.begin(), more.end(), std::back_inserter(report.checked.findings));
    report.asked_server = true;
}

EnvReport
checked_report(const std::vector<Variable> &variables, const ContractScope &scope)
{
    EnvReport report;
    report.lane = scope.lane;
    report.container = scope.container;
    report.checked = check_contract(variables, scope);
    return report;
}

EnvReport
report_of(const CheckEnvOptions &options, CheckEnvInput &input)
{
    EnvReport report;
    report.lane = options.scope.lane;
    report.container = options.scope.container;
    try {
        report = checked_report(variables_of(options, input), options.scope);
        if (const auto server = server_of(options, input))
            ask_server(report, *input.connect(*server));
    } catch (const std::exception &error) {
        report.error = error.what();
    }
    return report;
}

// The services of the compose file, with the environment of this process for its references.
std::vector<ComposeService>
services_of(const CheckEnvOptions &options, CheckEnvInput &input)
{
    const std::string text = read_input(options.compose, input.io.in);
    const Lookup environment = [&](std::string_view name) -> std::optional<std::string> {
        for (const Variable &variable : input.environment)
            if (variable.name == name)
                return std::string(variable.value.reveal());
        return std::nullopt;
    };
    const std::filesystem::path folder =
        options.compose == "-" ? "" : std::filesystem::path(options.compose).parent_path();
    const ReadBeside read_beside = [&](const std::string &path) -> std::optional<std::string> {
        const std::filesystem::path whole = folder / path;
        if (!std::filesystem::exists(whole))
            return std::nullopt;
        return read_input(whole.string(), input.io.in);
    };
    try {
        return read_compose(text, environment, read_beside);
    } catch (const Failure &failure) {
        refuse(label_of(options.compose) + ": " + failure.what());
    }
}

// What a service is: what --container says, else the container of its name.
Container
container_of_service(const ComposeService &service, const CheckEnvOptions &options)
{
    const auto said = options.containers.find(service.name);
    return said != options.containers.end() ? said->second
                                            : container_of(service.name).value_or(Container::other);
}

// --container names no service that the file does not have.
void
check_services(const CheckEnvOptions &options, const std::vector<ComposeService> &services)
{
    for (const auto &[name, container] : options.containers)
        if (std::none_of(services.begin(), services.end(),
                         [&](const ComposeService &service) { return service.name == name; }))
            refuse("--container names \"" + clean_text(name) +
                   "\", which is no service of the compose file");
}

ComposeReport
compose_report_of(const CheckEnvOptions &options, CheckEnvInput &input)
{
    ComposeReport report;
    try {
        const std::vector<ComposeService> services = services_of(options, input);
        check_services(options, services);
        for (const ComposeService &service : services) {
            ContractScope scope;
            scope.container = container_of_service(service, options);
            if (scope.container == Container::platform)
                continue;
            if (scope.container == Container::db_provision)
                scope.lane = Lane::provisioning;
            scope.unknown = service.unknown;
            report.services.push_back(checked_report(service.variables, scope));
            report.services.back().service = service.name;
        }
        if (const auto server = server_of(options, input)) {
            const auto catalog = input.connect(*server);
            for (EnvReport &service : report.services)
                ask_server(service, *catalog);
        }
    } catch (const std::exception &error) {
        report.error = error.what();
    }
    return report;
}

// Prints a report; returns the exit code.
template <class Report>
int
print(const Report &report, bool as_json, CommandIo &io)
{
    io.out << (as_json ? json_of(report) : text_of(report)) << std::flush;
    if (!report.error.empty())
        io.err << "appinfrad check-env: " << clean_text(report.error) << std::endl;
    return io.out ? report.exit_code() : 2;
}

int
run(const std::vector<std::string> &arguments, CheckEnvInput &input)
{
    const auto options_or_help = read_check_env_options(arguments);
    if (const std::string *help = std::get_if<std::string>(&options_or_help)) {
        input.io.out << *help << std::flush;
        return input.io.out ? 0 : 2;
    }
    const CheckEnvOptions &options = std::get<CheckEnvOptions>(options_or_help);
    return options.compose.empty()
               ? print(report_of(options, input), options.json, input.io)
               : print(compose_report_of(options, input), options.json, input.io);
}

} // namespace

CheckEnvInput
check_env_input()
{
    CheckEnvInput input{{},
                        take_from_environment("APPINFRA_CHECK_DATABASE_URL"),
                        {},
                        {std::cin, std::cout, std::cerr},
                        [](const Secret &conninfo) {
                            return std::make_unique<PgRoles>(conninfo);
                        }};
    if (const char *file = std::getenv("APPINFRA_CHECK_DATABASE_URL_FILE"))
        input.database_url_file = file;
    unsetenv("APPINFRA_CHECK_DATABASE_URL_FILE");
    for (char **entry = environ; entry != nullptr && *entry != nullptr; entry++)
        if (const char *equals = std::strchr(*entry, '='))
            input.environment.push_back(
                {std::string(static_cast<const char *>(*entry), equals), Secret(equals + 1)});
    return input;
}

int
check_env(const std::vector<std::string> &arguments, CheckEnvInput &input) noexcept
{
    try {
        return run(arguments, input);
    } catch (const std::exception &error) {
        input.io.err << "appinfrad check-env: " << clean_text(error.what()) << std::endl;
    }
    return 2;
}

} // namespace sidecar
