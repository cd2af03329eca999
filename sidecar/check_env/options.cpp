// See options.hpp.
#include "check_env/options.hpp"

#include <algorithm>
#include <iterator>
#include <sstream>
#include <utility>

#include "base/command_line.hpp"
#include "base/failure.hpp"
#include "base/text.hpp"
#include "postgres/database_url.hpp"

namespace sidecar
{
namespace
{

constexpr const char *footer =
    "FILE is an environment file (NAME=value, quoted as for systemd's EnvironmentFile=); - is\n"
    "standard input. Without one the environment of this process is checked.\n"
    "With --database the roles of the users are looked up on that server, by any login of it. Its\n"
    "password comes by APPINFRA_CHECK_DATABASE_URL or APPINFRA_CHECK_DATABASE_URL_FILE, which "
    "stand\n"
    "for --database, or by PGPASSWORD, PGPASSFILE and libpq's other variables; never by a flag.\n"
    "With --compose each service is a container: that of its name, or the one that --container\n"
    "SERVICE=NAME says; platform is one that is not looked at.\n"
    "Exit codes: 0 in order; 1 there are violations; 2 it could not check.";

Lane
lane_of(const std::string &name)
{
    if (name == "runtime")
        return Lane::runtime;
    if (name == "provisioning")
        return Lane::provisioning;
    refuse("--lane must be \"runtime\" or \"provisioning\"");
}

Container
known_container(const std::string &name)
{
    if (const auto container = container_of(name))
        return *container;
    refuse("--container must be app, scheduler-worker, migrate or db-provision");
}

std::vector<std::string>
split_list(const std::string &list)
{
    std::vector<std::string> parts;
    std::istringstream in(list);
    for (std::string part; std::getline(in, part, ',');)
        parts.push_back(part);
    return parts;
}

// --container NAME, of the one environment that is checked.
void
set_container(CheckEnvOptions &options, const CommandLine &line)
{
    const std::string &name = line.values.at("container");
    if (name.empty())
        return;
    options.scope.container = known_container(name);
    const Lane lane =
        options.scope.container == Container::db_provision ? Lane::provisioning : Lane::runtime;
    if (line.flags.contains("lane") && lane != options.scope.lane)
        refuse("--lane contradicts --container, which says it already");
    options.scope.lane = lane;
}

// --container SERVICE=NAME, of services of a compose file.
void
set_containers(CheckEnvOptions &options, const CommandLine &line)
{
    for (const std::string &pair : split_list(line.values.at("container"))) {
        const std::size_t equals = pair.find('=');
        if (equals == std::string::npos || equals == 0)
            refuse("with --compose, --container says which service is what: SERVICE=app");
        const std::string name = pair.substr(equals + 1);
        const Container container =
            name == "platform" ? Container::platform : known_container(name);
        if (!options.containers.emplace(pair.substr(0, equals), container).second)
            refuse("--container is given twice for one service");
    }
}

void
set_compose(CheckEnvOptions &options, const CommandLine &line)
{
    options.compose = line.values.at("compose");
    if (options.compose.empty())
        refuse("--compose wants a file, or - for standard input");
    for (const char *other : {"lane", "require"})
        if (line.flags.contains(other))
            refuse(std::string("--") + other + " is for one environment, not for --compose");
    if (!line.operands.empty())
        refuse("--compose takes no other file: it names those it needs");
    set_containers(options, line);
}

// The names behind --require; those that follow the first look like files to the parser.
void
set_required(CheckEnvOptions &options, CommandLine &line)
{
    if (!line.flags.contains("require"))
        return;
    options.scope.required = split_list(line.values.at("require"));
    const auto files =
        std::stable_partition(line.operands.begin(), line.operands.end(), is_variable_name);
    options.scope.required.insert(options.scope.required.end(), line.operands.begin(), files);
    line.operands.erase(line.operands.begin(), files);
    for (const std::string &name : options.scope.required)
        if (!is_variable_name(name))
            refuse("--require wants names of variables: A to Z, 0 to 9 and _, no digit first");
}

constexpr const char *checking = "Checking";

constexpr OptionRow rows[] = {
    {"lane", "", "runtime", "check-env", checking, "runtime (apps) or provisioning"},
    {"container", "", "", "check-env", checking,
     "app, scheduler-worker, migrate or db-provision; with --compose SERVICE=NAME", false, true},
    {"require", "", "", "check-env", checking, "further variables that have to be set", false,
     true},
    {"compose", "", "", "check-env", checking, "compose file whose services are the containers"},
    {"database", "", "", "check-env", checking,
     "libpq connection string, without a password, of the server to ask"},
    {"json", "", "", "check-env", checking, "one JSON document instead of lines", true},
};

CommandSyntax
syntax()
{
    CommandSyntax syntax;
    syntax.command = "check-env";
    syntax.description = "checks an environment against the DSN contract";
    syntax.footer = footer;
    syntax.rows.assign(std::begin(rows), std::end(rows));
    syntax.operands_help = "environment files";
    return syntax;
}

} // namespace

std::variant<CheckEnvOptions, std::string>
read_check_env_options(const std::vector<std::string> &arguments)
{
    auto answer = parse_command_line(syntax(), arguments);
    if (std::string *help = std::get_if<std::string>(&answer))
        return std::move(*help);
    CommandLine &line = std::get<CommandLine>(answer);
    CheckEnvOptions options;
    options.scope.lane = lane_of(line.values.at("lane"));
    options.json = !line.values.at("json").empty();
    if (line.flags.contains("compose")) {
        set_compose(options, line);
    } else {
        set_container(options, line);
        set_required(options, line);
    }
    options.files = std::move(line.operands);
    if (line.flags.contains("database")) {
        options.database = line.values.at("database");
        check_database_flag(*options.database, "APPINFRA_CHECK_DATABASE_URL");
    }
    return options;
}

} // namespace sidecar
