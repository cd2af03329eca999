// The commands about API keys, for the host's administrator: mint-key, list-keys and revoke-key.
#pragma once

#include <string>
#include <vector>

#include "base/command_io.hpp"

namespace sidecar::gateway
{

// Whether it is one of these commands.
bool is_key_command(const std::string &command);

// Runs it; returns the exit code: 0 done, 1 refused, 2 options, 3 the database cannot be reached.
int run_key_command(const std::string &command, const std::vector<std::string> &arguments,
                    const CommandIo &io) noexcept;

} // namespace sidecar::gateway
