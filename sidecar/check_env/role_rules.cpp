// See role_rules.hpp.
#include "check_env/role_rules.hpp"

#include <algorithm>

#include "check_env/presentable.hpp"

namespace sidecar
{
namespace
{

using Roles = std::vector<RoleFact>;

bool
bypasses(const RoleFact &role)
{
    return role.superuser || role.bypassrls;
}

// Whom a session acts as once it is logged in.
const RoleFact &
current_of(const Roles &roles)
{
    const auto current = std::find_if(roles.begin(), roles.end(),
                                      [](const RoleFact &role) { return role.is_current; });
    const auto self =
        std::find_if(roles.begin(), roles.end(), [](const RoleFact &role) { return role.is_self; });
    return current != roles.end() ? *current : self != roles.end() ? *self : roles.front();
}

std::string
joined(const std::vector<std::string> &words)
{
    std::string text;
    for (const std::string &word : words)
        text += (text.empty() ? "" : ", ") + word;
    return text;
}

// What no app's login may be able to do, for one role; empty when there is nothing.
std::string
powers_of(const RoleFact &role)
{
    std::vector<std::string> powers;
    const auto add = [&](bool has, const char *power) {
        if (has)
            powers.emplace_back(power);
    };
    add(role.superuser, "SUPERUSER");
    add(role.createrole, "CREATEROLE");
    add(role.createdb, "CREATEDB");
    add(role.replication, "REPLICATION");
    add(role.name == "pg_read_server_files", "reads server files");
    add(role.name == "pg_write_server_files", "writes server files");
    add(role.name == "pg_execute_server_program", "runs server programs");
    return joined(powers);
}

// "is X" for the login itself, "is a member of NAME (X)" for another role.
std::string
relation(const RoleFact &role, const std::string &what)
{
    return role.is_self ? "is " + what
                        : "is a member of " + presentable_name(role.name) + " (" + what + ")";
}

void
check_powers(const std::string &variable, const Roles &roles, Findings &findings)
{
    std::vector<std::string> reasons;
    for (const RoleFact &role : roles)
        if (const std::string powers = powers_of(role); !powers.empty())
            reasons.push_back(relation(role, powers));
    if (!reasons.empty())
        findings.push_back({rule::superuser_role, variable, "its user " + joined(reasons),
                            "use the login that was issued to this app, or take this away from it: "
                            "ALTER ROLE, REVOKE"});
}

// The app's user must not be able to leave row-level security, by itself or by SET ROLE.
void
check_enforced(const std::string &variable, const Roles &roles, Findings &findings)
{
    std::vector<std::string> reasons;
    for (const RoleFact &role : roles)
        if (bypasses(role))
            reasons.push_back(relation(role, role.superuser ? "SUPERUSER" : "BYPASSRLS"));
    if (!reasons.empty())
        findings.push_back({rule::bypasses_rls, variable,
                            "row-level security does not hold its user, which " + joined(reasons),
                            "use a login of access owner, writer or reader; service logins belong "
                            "into DATABASE_SERVICE_URL"});
}

// The service user is free of row-level security as soon as it is logged in. Where it is not, that
// is a violation under the name DATABASE_URL, which promises nothing of the kind.
void
check_bypass(const std::string &variable, const Roles &roles, Findings &findings)
{
    if (bypasses(current_of(roles)))
        return;
    const auto able = std::find_if(roles.begin(), roles.end(), bypasses);
    Finding finding{rule::bypasses_rls, variable, "row-level security holds its user",
                    "use a login of access service, if it has to see every row",
                    variable != variable::app};
    if (able != roles.end()) {
        finding.problem += " as long as it does not SET ROLE " + presentable_name(able->name);
        finding.remedy = "let its sessions begin in that role: ALTER ROLE ... SET role = ...";
    }
    findings.push_back(std::move(finding));
}

} // namespace

Findings
check_roles(const std::vector<CheckedDsn> &dsns, Container container, RoleCatalog &catalog)
{
    Findings findings;
    for (const auto &[variable, dsn] : dsns) {
        if (dsn.user.empty())
            continue;
        const Roles roles = catalog.roles_of(dsn.user, dsn.database);
        const bool can_login = std::any_of(roles.begin(), roles.end(), [](const RoleFact &role) {
            return role.is_self && role.can_login;
        });
        if (!can_login)
            findings.push_back(
                {rule::unknown_user, variable,
                 roles.empty() ? "its user does not exist on this server"
                               : "its user may no longer log in to this server (NOLOGIN)",
                 "take the DSN that was issued last, and check the server given by --database"});
        if (roles.empty() || variable == variable::root)
            continue;
        check_powers(variable, roles, findings);
        if (variable == variable::app && container != Container::scheduler_worker)
            check_enforced(variable, roles, findings);
        else
            check_bypass(variable, roles, findings);
    }
    return findings;
}

} // namespace sidecar
