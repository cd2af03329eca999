// The command line of one command: which options it has, what they were set to, and its --help.
// An option is a row of a table. Its flag wins over its variable, and that over the file of
// options. No refusal quotes a value, since a secret may have slipped into any argument.
#pragma once

#include <map>
#include <set>
#include <string>
#include <variant>
#include <vector>

namespace sidecar
{

struct OptionRow {
    const char *flag;     // without --
    const char *variable; // of the environment; "": none
    const char *fallback;
    const char *commands; // that have the option, separated by blanks
    const char *group;    // its heading in --help
    const char *help;
    bool is_switch = false; // stands alone, without a value
    bool is_list = false;   // may be repeated; its value is all of them, joined by commas
};

struct CommandSyntax {
    std::string command;
    std::string description;
    std::string footer;             // of --help
    std::vector<OptionRow> rows;    // of other commands as well
    bool last_wins = false;         // an option may be repeated
    bool names_unknown = false;     // a refusal may quote an unknown flag, though not its value
    const char *operands_help = ""; // of the files behind the options; "": it takes none
};

using OptionValues = std::map<std::string, std::string>;

struct CommandLine {
    OptionValues values;         // of every row; a switch that is on has "1"; others' fallbacks
    std::set<std::string> flags; // the options that were given as flags
    std::vector<std::string> operands;
};

// Reads the arguments behind the command, the environment, and the file that the option "config"
// names. Returns the text of --help when that is asked for. Throws a configuration Failure.
// The file may set options of other commands, because commands share it; a flag may not.
std::variant<CommandLine, std::string>
parse_command_line(const CommandSyntax &syntax, const std::vector<std::string> &arguments);

} // namespace sidecar
