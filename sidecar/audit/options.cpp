// See options.hpp.
#include "audit/options.hpp"

#include <algorithm>
#include <cstdlib>

#include <CLI/CLI.hpp>

#include "base/failure.hpp"
#include "base/process.hpp"
#include "postgres/conninfo.hpp"

namespace sidecar
{
namespace
{

constexpr const char *database_footer =
    "The login is a member of appinfra_auditor; a standby is as good as any. Its password comes "
    "by\n"
    "APPINFRA_DATABASE_URL or APPINFRA_DATABASE_URL_FILE, which stand for --database, or by\n"
    "PGPASSWORD, PGPASSFILE and libpq's other variables; never by a flag.\n";
constexpr const char *verify_footer =
    "FILE is the sidecar's log, or what it posted to APPINFRA_AUDIT_URL; - is standard input.\n"
    "Exit codes: 0 in order; 1 the log was changed; 2 it could not check.";
constexpr const char *export_footer =
    "A row is written once it is sealed, in the order of the ids, so that none is missed and none\n"
    "comes twice: go on with --since and the last id you have.\n"
    "Exit codes: 0 done; 2 it could not read the log.";

[[noreturn]] void
refuse(const std::string &why)
{
    throw Failure(Failure::Kind::configuration, why);
}

void
read_database(AuditOptions &options, const std::string &flag, bool given)
{
    const Secret url = take_from_environment("APPINFRA_DATABASE_URL");
    const char *file = std::getenv("APPINFRA_DATABASE_URL_FILE");
    options.database_password = take_from_environment("PGPASSWORD");
    if (given && carries_password(flag))
        refuse("--database cannot be parsed or carries a password, which everyone on this machine "
               "could read; use APPINFRA_DATABASE_URL or APPINFRA_DATABASE_URL_FILE");
    if (!given && !url.empty() && file != nullptr)
        refuse("APPINFRA_DATABASE_URL and APPINFRA_DATABASE_URL_FILE are both set; keep one");
    if (given)
        options.database = Secret(flag);
    else
        options.database = file != nullptr ? secret_from_file(file) : url.clone();
}

} // namespace

std::variant<AuditOptions, std::string>
read_audit_options(const std::string &command, std::vector<std::string> arguments)
{
    const bool verifies = command == "verify-audit";
    CLI::App app(verifies ? "checks the audit log against its seals, and these against heads that "
                            "were collected outside"
                          : "writes the audit log as JSON lines",
                 "appinfrad " + command);
    app.footer(std::string(database_footer) + (verifies ? verify_footer : export_footer));
    AuditOptions options;
    std::string database;
    CLI::Option *flag =
        app.add_option("--database", database, "libpq connection string, without a password");
    if (verifies) {
        app.add_option("--heads", options.heads, "file of heads");
    } else {
        app.add_option("--since", options.since, "a time, or the id of the last row you have");
        app.add_flag("--follow", options.follow, "go on with what comes");
    }
    std::reverse(arguments.begin(), arguments.end()); // as CLI11 wants them
    try {
        app.parse(arguments);
    } catch (const CLI::CallForHelp &) {
        return app.help();
    } catch (const CLI::ParseError &) {
        refuse("an option is unknown, lacks its value or is given twice; see appinfrad " + command +
               " --help");
    }
    read_database(options, database, flag->count() > 0);
    return options;
}

} // namespace sidecar
