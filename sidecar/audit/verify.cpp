// The command verify-audit. See commands.hpp.
#include "audit/commands.hpp"

#include <fstream>

#include <pwd.h>
#include <unistd.h>

#include "audit/options.hpp"
#include "audit/pg_audit_log.hpp"
#include "base/failure.hpp"
#include "base/text.hpp"

namespace sidecar
{
namespace
{

void
print(const AuditReport &report, std::ostream &out)
{
    for (const std::string &violation : report.violations)
        out << "violation: " << violation << "\n";
    out << (report.violations.empty() ? "ok: " : "changed: ") << report.rows << " rows in "
        << report.seals << " seals, " << report.removed << " removed by retention, "
        << report.unsealed << " not sealed yet, " << report.heads << " heads";
    if (report.accepted > 0)
        out << " (" << report.accepted << " of them lost, which was accepted)";
    if (report.foreign_heads > 0)
        out << " (and " << report.foreign_heads << " of other hosts)";
    out << std::endl;
}

// Who runs this process.
std::string
user_name()
{
    const passwd *user = getpwuid(geteuid());
    return user == nullptr ? std::to_string(geteuid()) : user->pw_name;
}

// Writes into the file of heads who has accepted that the lost ones up to this seal are lost.
void
accept(const AuditOptions &options, const AuditReport &report, std::ostream &out)
{
    const std::int64_t last = std::stoll(options.accept);
    std::string lines = "\n"; // the last line of the file may have no end
    int count = 0;
    for (const Head &head : report.lost)
        if (head.number <= last) {
            lines +=
                acceptance_of(head, options.by.empty() ? user_name() : options.by, options.reason);
            count++;
        }
    if (count == 0)
        refuse("no seal up to " + options.accept + " that was collected outside is missing");
    std::ofstream file(options.heads, std::ios::app | std::ios::binary);
    file << lines << std::flush;
    if (!file)
        refuse("\"" + clean_text(options.heads) + "\" cannot be written");
    out << "accepted: " << count << " seals up to " << last << std::endl;
}

int
run(const std::vector<std::string> &arguments, const CommandIo &io)
{
    const auto answer = read_audit_options("verify-audit", arguments);
    if (const std::string *help = std::get_if<std::string>(&answer)) {
        io.out << *help << std::flush;
        return 0;
    }
    const AuditOptions &options = std::get<AuditOptions>(answer);
    std::vector<Head> heads = heads_of(options.heads, io.in);
    BlockingConnection connection = connect_to_audit_log(
        Conninfo(options.database.reveal(), options.database_password.reveal(), "any"));
    PgAuditLog log(connection);
    AuditReport report = check_audit(log, heads);
    if (!options.accept.empty()) {
        accept(options, report, io.out);
        heads = heads_of(options.heads, io.in);
        report = check_audit(log, heads);
    }
    print(report, io.out);
    if (!io.out)
        return 2;
    return report.violations.empty() ? 0 : 1;
}

} // namespace

int
verify_audit(const std::vector<std::string> &arguments, CommandIo io) noexcept
{
    try {
        return run(arguments, io);
    } catch (const std::exception &error) {
        io.err << "appinfrad verify-audit: " << clean_text(error.what()) << std::endl;
    }
    return 2;
}

} // namespace sidecar
