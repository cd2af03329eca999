// The commands as a table: how each is typed, what it takes, what it does. --help, the completions,
// the manual page and "did you mean" are made of it.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/command_line.hpp"
#include "cli/session.hpp"

namespace sidecar::cli
{

inline constexpr std::size_t any_number = 1000;

struct Command {
    const char *key;      // the words with a hyphen between them
    const char *shown;    // as it is typed
    const char *operands; // "DATABASE USERNAME"; "": none
    std::size_t least;    // operands
    std::size_t most;
    const char *summary;
    const char *footer; // of --help: what is to be known, an example
    int (*run)(const Session &session);
};

std::span<const Command> commands();

// What the command line begins with: a command, and how many words it takes.
struct Found {
    const Command *command;
    std::size_t words;
};

// Throws a configuration Failure, which says what was meant, when it begins with no command.
Found find_command(const std::vector<std::string> &arguments);

// What base/command_line needs to know of a command.
CommandSyntax syntax_of(const Command &command);

// Throws a configuration Failure unless there are as many operands as the command takes.
void check_operands(const Command &command, const CommandLine &line);

// The list of commands, as `appinfra --help` prints it; of one noun, unless that is empty.
std::string overview(const std::string &noun);

// Whether commands begin with this word, and want another behind it.
bool is_noun(const std::string &word);

} // namespace sidecar::cli
