// See command_syntax.hpp.
#include "base/command_syntax.hpp"

#include <sstream>

namespace sidecar
{

bool
takes(const CommandSyntax &syntax, const OptionRow &row)
{
    std::istringstream commands(row.commands);
    for (std::string command; commands >> command;)
        if (command == syntax.command)
            return true;
    return false;
}

} // namespace sidecar
