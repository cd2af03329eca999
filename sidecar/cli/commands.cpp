// See commands.hpp.
#include "cli/commands.hpp"

#include <algorithm>
#include <set>

#include "base/failure.hpp"
#include "base/spelling.hpp"
#include "cli/option_rows.hpp"
#include "cli/verbs.hpp"

namespace sidecar::cli
{
namespace
{

constexpr const char *of_databases =
    "DATABASE is a db_id, an app that has one database, or APP/SLUG.\n";

// clang-format off
constexpr Command all[] = {
    {"db-create", "db create", "APP", 1, 1, "make a database for an app, and deliver its DSN",
     "Examples:\n  appinfra db create app-1 --slug=shop\n  appinfra db create app-1 --env=DATABASE_URL=writer --env=MIGRATE_URL=owner\n", verbs::create_database},
    {"db-ls", "db ls", "", 0, 0, "list databases", "", verbs::list_databases},
    {"db-info", "db info", "DATABASE", 1, 1, "show a database, its variables and its credentials", of_databases, verbs::show_database},
    {"db-url", "db url", "DATABASE", 1, 1, "print the DSN, without its password", "With --issue it prints the DSN of a credential that is made for it, this once.\nExample:\n  psql \"$(appinfra db url app-1 --issue --access=reader --valid-for=10m)\"\n", verbs::print_url},
    {"db-psql", "db psql", "DATABASE [-- ARGUMENTS OF PSQL]", 1, any_number, "open psql with a credential of its own",
     "The credential is revoked when psql ends, however it ends, and by itself after --valid-for. The\npassword is in psql's memory only. The exit code is psql's.\nExample:\n  appinfra db psql app-1 --access=reader -- -c 'SELECT count(*) FROM orders'\n", verbs::run_psql},
    {"db-rotate", "db rotate", "DATABASE", 1, 1, "renew the credential of a variable", of_databases, verbs::rotate_variable},
    {"db-revoke", "db revoke", "DATABASE", 1, 1, "revoke every credential; the data stays", of_databases, verbs::revoke_database},
    {"db-restore", "db restore", "DATABASE", 1, 1, "bring back what was revoked or deleted", of_databases, verbs::restore_database},
    {"db-delete", "db delete", "DATABASE", 1, 1, "take a database away; it can be restored until --retain is over", of_databases, verbs::delete_database},
    {"db-bind", "db bind", "DATABASE NAME[=ACCESS]...", 2, any_number, "put the DSN into further variables", "ACCESS is owner, writer, reader or service; owner by default.\nExample:\n  appinfra db bind app-1 REPORTS_URL=reader --container=worker\n", verbs::bind_variables},
    {"db-unbind", "db unbind", "DATABASE NAME...", 2, any_number, "take variables away, and revoke what is in them", of_databases, verbs::unbind_variables},
    {"db-limit", "db limit", "DATABASE", 1, 1, "change the limits of a database", of_databases, verbs::limit_database},
    {"credentials-ls", "credentials ls", "DATABASE", 1, 1, "list the logins of a database", of_databases, verbs::list_credentials},
    {"credentials-issue", "credentials issue", "DATABASE", 1, 1, "make a login for a person or a job, and print its DSN, this once", of_databases, verbs::issue_credential},
    {"credentials-revoke", "credentials revoke", "DATABASE USERNAME", 2, 2, "revoke a login, and wait until its sessions have ended", of_databases, verbs::revoke_credential},
    {"services-ls", "services ls", "DATABASE", 1, 1, "list the users of services", of_databases, verbs::list_services},
    {"services-set", "services set", "DATABASE [SERVICE/HOST[=ACCESS]]...", 1, any_number, "give these services users, and no others", "ACCESS is reader by default. Asks before it drops the user of a service that is not named.\nExample:\n  appinfra services set app-1 worker/host-1=writer report/host-1\n", verbs::set_services},
    {"services-rotate", "services rotate", "DATABASE SERVICE/HOST", 2, 2, "renew the credential of a service", of_databases, verbs::rotate_service},
    {"publications-ls", "publications ls", "[DATABASE]", 0, 1, "list deliveries, the newest first", "Without DATABASE those of all, for administrators.\n", verbs::list_publications},
    {"publications-retry", "publications retry", "NUMBER", 1, 1, "send a failed delivery once more", "", verbs::retry_publication},
    {"pool", "pool", "", 0, 0, "show the databases that are ready to be claimed", "", verbs::show_pool},
    {"usage", "usage", "DATABASE", 1, 1, "show the size and the load of a database", of_databases, verbs::show_usage},
    {"sessions-ls", "sessions ls", "DATABASE", 1, 1, "list the sessions of a database", of_databases, verbs::list_sessions},
    {"sessions-kill", "sessions kill", "DATABASE PID", 2, 2, "end a session", of_databases, verbs::kill_session},
    {"statements", "statements", "DATABASE", 1, 1, "list the statements that took most time", "Where pg_stat_statements is loaded.\n", verbs::list_statements},
    {"exposures", "exposures", "[DATABASE]", 0, 1, "show what is open, and how to close it", "Without DATABASE of the host and all databases, for administrators.\n", verbs::show_exposures},
    {"audit", "audit", "[DATABASE]", 0, 1, "print the audit log, for administrators", "With --json a row is a line.\n", verbs::show_audit},
    {"status", "status", "", 0, 0, "say whether the server can do its work", "", verbs::show_status},
    {"apps-ls", "apps ls", "", 0, 0, "list apps and their owners", "", verbs::list_apps},
    {"apps-info", "apps info", "APP", 1, 1, "show whose an app is", "", verbs::show_app},
    {"apps-register", "apps register", "APP USER", 2, 2, "say whose an app is", "", verbs::register_app},
    {"apps-unregister", "apps unregister", "APP", 1, 1, "forget an app without databases", "", verbs::unregister_app},
    {"apps-transfer", "apps transfer", "APP USER", 2, 2, "give an app and its databases to another user", "", verbs::transfer_app},
    {"buckets-create", "buckets create", "APP", 1, 1, "make a bucket for an app, and deliver its variables", "", verbs::create_bucket},
    {"buckets-ls", "buckets ls", "", 0, 0, "list buckets", "", verbs::list_buckets},
    {"buckets-info", "buckets info", "BUCKET", 1, 1, "show a bucket", "", verbs::show_bucket},
    {"buckets-rotate", "buckets rotate", "BUCKET", 1, 1, "renew the key of a bucket", "", verbs::rotate_bucket},
    {"buckets-revoke", "buckets revoke", "BUCKET", 1, 1, "revoke every key; the objects stay", "", verbs::revoke_bucket},
    {"buckets-restore", "buckets restore", "BUCKET", 1, 1, "bring back what was revoked or deleted", "", verbs::restore_bucket},
    {"buckets-delete", "buckets delete", "BUCKET", 1, 1, "take a bucket away; it can be restored until --retain is over", "", verbs::delete_bucket},
    {"buckets-limit", "buckets limit", "BUCKET BYTES", 2, 2, "change the quota of a bucket", "0 is none.\n", verbs::limit_bucket},
    {"keys-mint", "keys mint", "DATABASE", 1, 1, "make an API key for SQL over HTTP", "It is delivered to the app; with --no-publish it is printed, this once.\n", verbs::mint_key},
    {"keys-ls", "keys ls", "DATABASE", 1, 1, "list API keys", of_databases, verbs::list_keys},
    {"keys-revoke", "keys revoke", "DATABASE KEY_ID", 2, 2, "revoke an API key", "KEY_ID is the 16 characters behind the environment.\n", verbs::revoke_key},
};
// clang-format on

constexpr const char *exit_codes_text =
    "Exit codes: 0 done; 1 refused; 2 wrong usage; 3 no server, or it cannot work now; 4 not done "
    "in\ntime, and going on; 5 not let in; 6 not found.\n";

std::string
noun_of(const Command &command)
{
    const std::string shown = command.shown;
    return shown.substr(0, shown.find(' '));
}

// Whether a word may be quoted: whatever looks otherwise may be a secret in the wrong place.
bool
is_plain(const std::string &word)
{
    return !word.empty() && word.size() <= 32 && std::all_of(word.begin(), word.end(), [](char c) {
        return c == '-' || (c >= 'a' && c <= 'z');
    });
}

// The command that was meant by one or two words; "" when none is near.
std::string
meant_by(const std::string &typed, const std::string &first)
{
    std::vector<std::string> known;
    for (const Command &command : all) {
        const std::string shown = command.shown;
        if (shown.ends_with(" " + first)) // a verb without its noun
            return shown;
        known.push_back(shown);
    }
    return nearest_word(typed, known);
}

} // namespace

std::span<const Command>
commands()
{
    return all;
}

bool
is_noun(const std::string &word)
{
    return std::any_of(std::begin(all), std::end(all), [&](const Command &command) {
        return std::string(command.shown).starts_with(word + " ");
    });
}

Found
find_command(const std::vector<std::string> &arguments)
{
    const std::string &first = arguments.front();
    const std::string second = arguments.size() > 1 ? arguments[1] : "";
    for (const Command &command : all) {
        const std::string shown = command.shown;
        if (shown == first)
            return {&command, 1};
        if (shown == first + " " + second)
            return {&command, 2};
    }
    if (is_noun(first) && (second.empty() || second.starts_with('-')))
        refuse(first + " wants another word behind it; see appinfra " + first + " --help");
    const bool two = is_noun(first) && is_plain(second);
    const std::string typed = two ? first + " " + second : first;
    if (!is_plain(first))
        refuse("the command comes first; see appinfra --help");
    const std::string meant = meant_by(typed, two ? second : first);
    refuse("there is no command \"" + typed + "\"" +
           (meant.empty() ? "; see appinfra --help" : "; did you mean appinfra " + meant + "?"));
}

CommandSyntax
syntax_of(const Command &command)
{
    CommandSyntax syntax;
    syntax.command = command.key;
    syntax.program = "appinfra";
    syntax.shown = command.shown;
    syntax.description = command.summary;
    syntax.footer = std::string(command.footer) + exit_codes_text;
    syntax.rows = option_rows(command.key);
    syntax.names_unknown = true;
    syntax.operands_name = command.operands;
    syntax.operands_help = command.most > 0 ? command.operands : "";
    return syntax;
}

void
check_operands(const Command &command, const CommandLine &line)
{
    const std::size_t count = line.operands.size();
    if (count >= command.least && count <= command.most)
        return;
    const std::string operands = command.operands;
    refuse(std::string(command.shown) +
           (operands.empty() ? " takes no operand" : " takes " + operands) + "; see appinfra " +
           command.shown + " --help");
}

std::string
overview(const std::string &noun)
{
    std::string text = "appinfra: databases, buckets and keys of apps, at a terminal\n\n"
                       "Usage: appinfra COMMAND [OPTIONS] [OPERANDS]\n\nCommands:\n";
    for (const Command &command : all) {
        if (!noun.empty() && noun_of(command) != noun)
            continue;
        std::string name = command.shown;
        name.resize(std::max<std::size_t>(name.size() + 2, 22), ' ');
        text += "  " + name + command.summary + "\n";
    }
    return text +
           "\nappinfra COMMAND --help tells what a command takes; appinfra --version, which "
           "version this is.\n" +
           exit_codes_text;
}

} // namespace sidecar::cli
