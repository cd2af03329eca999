// Manual pages, as troff reads them, made of the tables of options that --help is made of. Which
// pages there are is for the programs to say; this is how a command and its options are written.
#pragma once

#include <string>
#include <string_view>

#include "base/command_syntax.hpp"

namespace sidecar
{

// A text as troff takes it: what it would read as a command of its own is escaped.
std::string troff_text(std::string_view text);

// The first lines of a page.
std::string manual_head(std::string_view name, int section, std::string_view summary);

// A section's heading.
std::string manual_heading(std::string_view title);

// A paragraph whose lines stay as they are: a footer, an example.
std::string manual_verbatim(std::string_view text);

// A term, in bold, and what is said of it.
std::string manual_term(std::string_view term, std::string_view about);

// An option: how it is written, what it does, its default and its variable.
std::string manual_option(const OptionRow &row);

// A command with its options and what its --help says below them.
std::string manual_section(const CommandSyntax &syntax);

// The options that a file may set, with their defaults: the body of the page of the file.
std::string manual_of_file(const CommandSyntax &syntax);

} // namespace sidecar
