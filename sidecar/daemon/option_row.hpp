// An option: a row of a table. Flags win over variables, variables over the configuration file.
#pragma once

#include <map>
#include <span>
#include <string>

namespace sidecar
{

struct OptionRow {
    const char *flag;
    const char *variable; // of the environment; "": none
    const char *fallback;
    const char *help;
};

std::span<const OptionRow> delivery_rows();

// What --help says below the options: of the program, and of its commands.
extern const char *const options_footer;
extern const char *const serve_footer;
extern const char *const publish_footer;
extern const char *const mcp_footer;

using OptionValues = std::map<std::string, std::string>;

} // namespace sidecar
