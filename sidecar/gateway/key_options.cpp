// See key_options.hpp.
#include "gateway/key_options.hpp"

#include <cstdlib>
#include <iterator>
#include <optional>
#include <utility>

#include "base/command_line.hpp"
#include "base/failure.hpp"
#include "base/process.hpp"
#include "postgres/database_url.hpp"

namespace sidecar::gateway
{
namespace
{

constexpr const char *keys = "API keys";

// clang-format off
constexpr OptionRow rows[] = {
    {"database", "", "", "mint-key list-keys revoke-key", keys, "libpq connection string, without a password"},
    {"workspace", "", "", "mint-key list-keys", keys, "db_id, workspace_id, or a slug that only one has; list-keys without it: all"},
    {"role", "", "", "mint-key", keys, "what the key may: dbadmin, dbuser or reader"},
    {"env", "", "live", "mint-key", keys, "stands in the key: dev, live or test"},
    {"name", "", "", "mint-key", keys, "what it is called in lists"},
    {"valid-for", "", "", "mint-key", keys, "such as 12h or 30d; valid until revoked without it"},
    {"create", "", "", "mint-key", keys, "provision a workspace of this slug when there is none", true},
    {"json", "", "", "list-keys", keys, "print one document of JSON", true},
    {"reason", "", "", "revoke-key", keys, "for the audit"},
};
// clang-format on

constexpr const char *database_footer =
    "The login is a member of appinfra_admin. Its password comes by APPINFRA_DATABASE_URL or\n"
    "APPINFRA_DATABASE_URL_FILE, which stand for --database, or by PGPASSWORD, PGPASSFILE and\n"
    "libpq's other variables; never by a flag.\n";
constexpr const char *exit_codes =
    "Exit codes: 0 done; 1 refused; 2 options; 3 the database cannot be reached.";

struct Text {
    const char *command;
    const char *description;
    const char *footer;
};

constexpr Text texts[] = {
    {"mint-key", "makes an API key of a workspace, and prints it, this once",
     "The key alone is printed on standard output; only its hash is kept. Example:\n"
     "  appinfrad mint-key --workspace=agents --role=dbuser --valid-for=30d --create\n"},
    {"list-keys", "lists API keys", ""},
    {"revoke-key", "revokes an API key", "KEY_ID is the 16 characters behind the environment.\n"},
};

CommandSyntax
syntax_of(const std::string &command)
{
    CommandSyntax syntax;
    syntax.command = command;
    for (const Text &text : texts)
        if (command == text.command) {
            syntax.description = text.description;
            syntax.footer = std::string(text.footer) + database_footer + exit_codes;
        }
    syntax.rows.assign(std::begin(rows), std::end(rows));
    if (command == "revoke-key")
        syntax.operands_help = "KEY_ID: the key's id";
    return syntax;
}

void
check_word(const std::string &name, const std::string &word, std::vector<std::string> allowed)
{
    std::string list;
    for (const std::string &one : allowed) {
        if (word == one)
            return;
        list += (list.empty() ? "" : ", ") + one;
    }
    refuse("--" + name + " must be one of " + list);
}

void
check_minting(const KeyOptions &options)
{
    if (options.workspace.empty())
        refuse("mint-key wants --workspace: db_id, workspace_id or slug");
    check_word("role", options.role, {"dbadmin", "dbuser", "reader"});
    check_word("env", options.env, {"dev", "live", "test"});
    const std::string &time = options.valid_for;
    const std::size_t digits = time.find_first_not_of("0123456789");
    if (!time.empty() && (digits == 0 || digits > 9 || digits + 1 != time.size() ||
                          std::string("smhdw").find(time.back()) == std::string::npos))
        refuse("--valid-for wants a time such as 90m, 12h, 30d or 4w");
}

// Reads which key is meant. Its text is a secret, and has no place on a command line.
std::string
key_id_of(const CommandLine &line)
{
    if (line.operands.size() != 1)
        refuse("revoke-key wants the id of one key");
    if (line.operands.front().size() != 16)
        refuse("a key's id has 16 characters: what stands between the environment and the secret");
    return line.operands.front();
}

} // namespace

std::variant<KeyOptions, std::string>
read_key_options(const std::string &command, const std::vector<std::string> &arguments)
{
    auto answer = parse_command_line(syntax_of(command), arguments);
    if (std::string *help = std::get_if<std::string>(&answer))
        return std::move(*help);
    const CommandLine &line = std::get<CommandLine>(answer);
    KeyOptions options;
    options.workspace = line.values.at("workspace");
    options.role = line.values.at("role");
    options.env = line.values.at("env");
    options.name = line.values.at("name");
    options.valid_for = line.values.at("valid-for");
    options.create = !line.values.at("create").empty();
    options.json = !line.values.at("json").empty();
    options.reason = line.values.at("reason");
    if (command == "mint-key")
        check_minting(options);
    if (command == "revoke-key")
        options.key_id = key_id_of(line);
    DatabaseAccess access = database_access(
        line.flags.contains("database") ? std::optional(line.values.at("database")) : std::nullopt);
    options.database = std::move(access.url);
    options.database_password = std::move(access.password);
    return options;
}

} // namespace sidecar::gateway
