// The command line of one command: which options it has, what they were set to, and its --help.
// An option is a row of a table. Its flag wins over its variable, and that over the file of
// options. No refusal quotes a value, since a secret may have slipped into any argument.
#pragma once

#include <map>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "base/command_syntax.hpp"

namespace sidecar
{

using OptionValues = std::map<std::string, std::string>;

struct CommandLine {
    OptionValues values;         // of every row; a switch that is on has "1"; others' fallbacks
    std::set<std::string> flags; // the options that were given as flags
    std::vector<std::string> operands;
};

// Reads the arguments behind the command, the environment, and the file that the option "config"
// names. Returns the text of --help when that is asked for, or what --manual prints: the command's
// part of the manual page. Throws a configuration Failure.
// The file may set options of other commands, because commands share it; a flag may not.
std::variant<CommandLine, std::string>
parse_command_line(const CommandSyntax &syntax, const std::vector<std::string> &arguments);

// The sections of a file of options, each with its values: [name], then name = "value". Throws a
// configuration Failure when it cannot be read.
std::map<std::string, OptionValues> read_sections(const std::string &path);

} // namespace sidecar
