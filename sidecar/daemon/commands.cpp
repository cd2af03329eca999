// See commands.hpp.
#include "daemon/commands.hpp"

#include <algorithm>
#include <vector>

#include "base/failure.hpp"
#include "base/spelling.hpp"

namespace sidecar
{
namespace
{

struct CommandRow {
    const char *name;
    const char *summary;
};

constexpr CommandRow rows[] = {
    {"serve", "deliver, and answer requests (--listen), until SIGTERM"},
    {"publish", "deliver what is pending now, and exit"},
    {"mcp", "answer an agent on standard input and output"},
    {"gateway", "answer SQL over HTTP for holders of API keys, until SIGTERM"},
    {"gateway-mcp", "answer an agent on standard input and output, as a gateway's client"},
    {"mint-key", "make an API key of a workspace"},
    {"list-keys", "list API keys"},
    {"revoke-key", "revoke an API key"},
    {"doctor", "look at this host, and say what to do"},
    {"check-env", "check an environment against the DSN contract"},
    {"check-producer", "try what a producer of apps' environments must do"},
    {"verify-audit", "check the audit log against its seals"},
    {"audit", "write the audit log as JSON lines"},
};

std::vector<std::string>
names()
{
    std::vector<std::string> all;
    for (const CommandRow &row : rows)
        all.emplace_back(row.name);
    return all;
}

// Says whether a word may be quoted: whatever looks otherwise may be a secret in the wrong place.
bool
is_plain(const std::string &word)
{
    return !word.empty() && word.size() <= 32 && std::all_of(word.begin(), word.end(), [](char c) {
        return c == '-' || (c >= 'a' && c <= 'z');
    });
}

} // namespace

std::string
overview()
{
    std::string text = "appinfrad: delivers database credentials to the environments of apps\n\n"
                       "Usage: appinfrad COMMAND [OPTIONS]\n\nCommands:\n";
    for (const CommandRow &row : rows) {
        std::string name = row.name;
        name.resize(16, ' ');
        text += "  " + name + row.summary + "\n";
    }
    return text +
           "\nappinfrad COMMAND --help tells what a command takes; appinfrad --version, which "
           "version this is.\n";
}

std::string
command_names()
{
    std::string text;
    for (const std::string &name : names())
        text += name + "\n";
    return text;
}

std::string
summary_of(const std::string &command)
{
    for (const CommandRow &row : rows)
        if (command == row.name)
            return row.summary;
    return "";
}

void
check_command(const std::string &word)
{
    if (!summary_of(word).empty())
        return;
    std::string why = "the command comes first";
    if (!word.starts_with('-') && is_plain(word))
        why = "there is no command \"" + word + "\"";
    std::string list;
    for (const std::string &name : names())
        list += (list.empty() ? "" : ", ") + name;
    const std::string meant = word.starts_with('-') ? "" : nearest_word(word, names());
    throw Failure(Failure::Kind::configuration,
                  why + "; the commands are " + list +
                      (meant.empty() ? "" : "; did you mean " + meant + "?"));
}

} // namespace sidecar
