// See options.hpp.
#include "check_env/options.hpp"

#include <iterator>
#include <utility>

#include "base/command_line.hpp"
#include "base/failure.hpp"
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

constexpr const char *checking = "Checking";

constexpr OptionRow rows[] = {
    {"lane", "", "runtime", "check-env", checking, "runtime (apps) or provisioning"},
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
    options.lane = lane_of(line.values.at("lane"));
    options.json = !line.values.at("json").empty();
    options.files = std::move(line.operands);
    if (line.flags.contains("database")) {
        options.database = line.values.at("database");
        check_database_flag(*options.database, "APPINFRA_CHECK_DATABASE_URL");
    }
    return options;
}

} // namespace sidecar
