// See options.hpp.
#include "audit/options.hpp"

#include <cstdlib>
#include <iterator>
#include <optional>
#include <utility>

#include "base/command_line.hpp"
#include "base/failure.hpp"
#include "base/process.hpp"
#include "postgres/database_url.hpp"

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
    "--accept SEAL writes into that file who accepts that the seals up to this one that are not\n"
    "there were lost by a restore, and why; it is not asked again.\n"
    "Exit codes: 0 in order; 1 the log was changed; 2 it could not check.";
constexpr const char *export_footer =
    "A row is written once it is sealed, in the order of the ids, so that none is missed and none\n"
    "comes twice: go on with --since and the last id you have.\n"
    "--replay is for a restored server: it reads an export of the original (--file; - is standard\n"
    "input), and lists what was revoked, dropped or deprovisioned after the time of --since. With\n"
    "--apply it does that here. The login is a member of appinfra_admin then. Where\n"
    "the export has seals (--seals) or --heads are given, a row that was changed, removed or\n"
    "inserted refuses it before anything is done.\n"
    "Exit codes: 0 done; 1 --replay has left something to do; 2 it could not read the log.";

constexpr const char *audit_log = "Audit log";

constexpr OptionRow rows[] = {
    {"database", "", "", "verify-audit audit", audit_log,
     "libpq connection string, without a password"},
    {"heads", "", "", "verify-audit audit", audit_log,
     "file of heads; of audit with --replay only: what the export is checked against"},
    {"accept", "", "", "verify-audit", audit_log, "number of the last seal that a restore lost"},
    {"reason", "", "", "verify-audit", audit_log, "with --accept: why"},
    {"by", "", "", "verify-audit", audit_log, "with --accept: who (the user of this process)"},
    {"since", "", "", "audit", audit_log, "a time, or the id of the last row you have"},
    {"seals", "", "", "audit", audit_log, "write each seal before its rows", true},
    {"follow", "", "", "audit", audit_log, "go on with what comes", true},
    {"replay", "", "", "audit", audit_log, "list what an export says was revoked since", true},
    {"file", "", "", "audit", audit_log, "with --replay: the export of the original"},
    {"apply", "", "", "audit", audit_log, "with --replay: do it here", true},
};

CommandSyntax
syntax_of(const std::string &command)
{
    const bool verifies = command == "verify-audit";
    CommandSyntax syntax;
    syntax.command = command;
    syntax.description = verifies ? "checks the audit log against its seals, and these against "
                                    "heads that were collected outside"
                                  : "writes the audit log as JSON lines";
    syntax.footer = std::string(database_footer) + (verifies ? verify_footer : export_footer);
    syntax.rows.assign(std::begin(rows), std::end(rows));
    return syntax;
}

// Refuses options of the two special forms that do not go together.
void
check_forms(const AuditOptions &options, const CommandLine &line)
{
    if (options.replay && (options.file.empty() || options.since.empty() || options.follow))
        refuse("--replay wants --file and, as a time, --since, and goes without --follow");
    if (!options.replay && (options.apply || !options.file.empty()))
        refuse("--file and --apply go with --replay");
    if (options.replay && options.seals)
        refuse("--seals is for the export, and goes without --replay");
    if (options.replay && options.heads == "-" && options.file == "-")
        refuse("--heads and --file cannot both be standard input");
    if (!line.flags.contains("accept")) {
        if (!options.reason.empty() || !options.by.empty())
            refuse("--reason and --by go with --accept");
        return;
    }
    if (options.accept.empty() ||
        options.accept.find_first_not_of("0123456789") != std::string::npos ||
        options.accept.size() > 18)
        refuse("--accept wants the number of a seal");
    if (options.heads.empty() || options.heads == "-")
        refuse("--accept writes into the file that --heads names");
    if (options.reason.empty())
        refuse("--accept wants a --reason");
}

} // namespace

std::variant<AuditOptions, std::string>
read_audit_options(const std::string &command, const std::vector<std::string> &arguments)
{
    auto answer = parse_command_line(syntax_of(command), arguments);
    if (std::string *help = std::get_if<std::string>(&answer))
        return std::move(*help);
    const CommandLine &line = std::get<CommandLine>(answer);
    AuditOptions options;
    options.heads = line.values.at("heads");
    options.since = line.values.at("since");
    options.follow = !line.values.at("follow").empty();
    options.seals = !line.values.at("seals").empty();
    options.replay = !line.values.at("replay").empty();
    options.apply = !line.values.at("apply").empty();
    options.file = line.values.at("file");
    options.accept = line.values.at("accept");
    options.reason = line.values.at("reason");
    options.by = line.values.at("by");
    check_forms(options, line);
    if (command == "audit" && !options.replay && !options.heads.empty())
        refuse("--heads goes with --replay; verify-audit checks the log of a server");
    DatabaseAccess access = database_access(
        line.flags.contains("database") ? std::optional(line.values.at("database")) : std::nullopt);
    options.database = std::move(access.url);
    options.database_password = std::move(access.password);
    return options;
}

} // namespace sidecar
