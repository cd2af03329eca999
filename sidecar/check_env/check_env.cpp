// See check_env.hpp.
#include "check_env/check_env.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>
#include <system_error>
#include <variant>

#include <unistd.h>

#include "base/failure.hpp"
#include "base/process.hpp"
#include "base/text.hpp"
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

void
add_file(std::vector<Variable> &variables, const std::string &file, std::istream &standard_input)
{
    std::string text;
    if (file == "-") {
        text = contents_of(standard_input, file);
    } else {
        errno = 0;
        std::ifstream in(file, std::ios::binary);
        if (!in)
            refuse(label_of(file) + " cannot be opened: " + std::generic_category().message(errno));
        text = contents_of(in, file);
    }
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

EnvReport
report_of(const CheckEnvOptions &options, CheckEnvInput &input)
{
    EnvReport report;
    report.lane = options.lane;
    try {
        report.checked = check_contract(variables_of(options, input), options.lane);
        if (const auto server = server_of(options, input)) {
            const auto catalog = input.connect(*server);
            Findings more = check_roles(report.checked.dsns, *catalog);
            std::move(more.begin(), more.end(), std::back_inserter(report.checked.findings));
            report.asked_server = true;
        }
    } catch (const std::exception &error) {
        report.error = error.what();
    }
    return report;
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
    const EnvReport report = report_of(options, input);
    input.io.out << (options.json ? json_of(report) : text_of(report)) << std::flush;
    if (!report.error.empty())
        input.io.err << "appinfrad check-env: " << clean_text(report.error) << std::endl;
    return input.io.out ? report.exit_code() : 2;
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
