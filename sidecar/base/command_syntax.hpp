// What there is to say of a command and its options: the tables that command lines are read by, and
// that help, manual pages and completions are made of. An option is a row.
#pragma once

#include <string>
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
    std::string command; // as rows name it
    const char *program = "appinfrad";
    const char *shown = ""; // the command as it is typed, where that is something else
    std::string description;
    std::string footer;             // of --help
    std::vector<OptionRow> rows;    // of other commands as well
    bool last_wins = false;         // an option may be repeated
    bool names_unknown = false;     // a refusal may quote an unknown flag, though not its value
    const char *operands_help = ""; // of what stands behind the options; "": it takes nothing
    const char *operands_name = "FILE";

    // The command as it is typed, without the program.
    std::string
    name() const
    {
        return shown[0] != '\0' ? shown : command;
    }
};

// Whether the command has the option.
bool takes(const CommandSyntax &syntax, const OptionRow &row);

} // namespace sidecar
