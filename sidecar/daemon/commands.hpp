// The commands of appinfrad, and what it says about them when none is run.
#pragma once

#include <string>

namespace sidecar
{

// Returns the list of the commands, as `appinfrad --help` prints it.
std::string overview();

// Returns the names of the commands, a line each.
std::string command_names();

// Returns what the command does, in a line.
std::string summary_of(const std::string &command);

// Throws a configuration Failure, which names all commands, when the word is none of them.
void check_command(const std::string &word);

} // namespace sidecar
