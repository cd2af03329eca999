// The commands that read the audit log.
#pragma once

#include <string>
#include <vector>

#include "base/command_io.hpp"

namespace sidecar
{

// Checks the log; returns the exit code: 0 in order, 1 changed, 2 it could not check.
int verify_audit(const std::vector<std::string> &arguments, CommandIo io) noexcept;

// Writes the log as JSON lines; returns the exit code: 0 done, 2 it could not read.
int export_audit(const std::vector<std::string> &arguments, CommandIo io) noexcept;

} // namespace sidecar
