// The options of all commands, as rows of base/command_syntax.hpp: --help, the completions and the
// manual page are made of them.
#pragma once

#include <vector>

#include "base/command_syntax.hpp"

namespace sidecar::cli
{

// The rows, those that each command has among them; key is the command's own.
std::vector<OptionRow> option_rows(const char *key);

} // namespace sidecar::cli
