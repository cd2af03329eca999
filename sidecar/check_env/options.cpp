// See options.hpp.
#include "check_env/options.hpp"

#include <algorithm>

#include <CLI/CLI.hpp>

#include "base/failure.hpp"
#include "postgres/conninfo.hpp"

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

[[noreturn]] void
refuse(const std::string &why)
{
    throw Failure(Failure::Kind::configuration, why);
}

Lane
lane_of(const std::string &name)
{
    if (name == "runtime")
        return Lane::runtime;
    if (name == "provisioning")
        return Lane::provisioning;
    refuse("--lane must be \"runtime\" or \"provisioning\"");
}

} // namespace

std::variant<CheckEnvOptions, std::string>
read_check_env_options(const std::vector<std::string> &arguments)
{
    CLI::App app("checks an environment against the DSN contract", "appinfrad check-env");
    app.footer(footer);
    CheckEnvOptions options;
    std::string lane, database;
    app.add_option("--lane", lane, "runtime (apps) or provisioning")->default_val("runtime");
    CLI::Option *server =
        app.add_option("--database", database,
                       "libpq connection string, without a password, of the server to ask");
    app.add_flag("--json", options.json, "one JSON document instead of lines");
    app.add_option("FILE", options.files, "environment files");
    std::vector<std::string> all(arguments.rbegin(), arguments.rend()); // as CLI11 wants them
    try {
        app.parse(all);
    } catch (const CLI::CallForHelp &) {
        return app.help();
    } catch (const CLI::ParseError &) {
        refuse("an option is unknown, lacks its value or is given twice; see appinfrad check-env "
               "--help");
    }
    options.lane = lane_of(lane);
    if (server->count() > 0 && carries_password(database))
        refuse("--database cannot be parsed or carries a password, which everyone on this machine "
               "could read; use APPINFRA_CHECK_DATABASE_URL or APPINFRA_CHECK_DATABASE_URL_FILE");
    if (server->count() > 0)
        options.database = database;
    return options;
}

} // namespace sidecar
