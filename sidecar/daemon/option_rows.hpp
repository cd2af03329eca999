// The options of delivering, which serve, publish and mcp share, doctor and check-producer in part,
// and what --help says beyond them. The options of answering requests are in server_options.cpp.
#pragma once

#include <span>
#include <string>

#include "base/command_line.hpp"

namespace sidecar
{

// The rows of these options.
std::span<const OptionRow> delivery_rows();

// Returns what --help of one of these says below the options.
std::string footer_of(const std::string &command);

} // namespace sidecar
