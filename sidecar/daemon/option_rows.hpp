// The options of delivering, which serve, publish and mcp share, and what --help says beyond them.
// The options of answering requests are in server_options.cpp.
#pragma once

#include <span>
#include <string>

#include "base/command_line.hpp"

namespace sidecar
{

// The rows of these options.
std::span<const OptionRow> delivery_rows();

// Returns what --help of serve, publish, mcp or doctor says below the options.
std::string footer_of(const std::string &command);

} // namespace sidecar
