// Files that a command was told to read.
#pragma once

#include <cerrno>
#include <fstream>
#include <string>
#include <system_error>

#include "base/failure.hpp"
#include "base/text.hpp"

namespace sidecar
{

// Opens a file for reading. Refuses, by the label, one that cannot be opened.
inline std::ifstream
open_input(const std::string &file, const std::string &label)
{
    errno = 0;
    std::ifstream in(file, std::ios::binary);
    if (!in)
        refuse(label + " cannot be opened: " + std::generic_category().message(errno));
    return in;
}

// The same of one whose name is shown as it is.
inline std::ifstream
open_input(const std::string &file)
{
    return open_input(file, "\"" + clean_text(file) + "\"");
}

} // namespace sidecar
