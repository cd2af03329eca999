// The options of `gateway-mcp`: which gateway, and the key.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "daemon/inherited_secrets.hpp"
#include "gateway/mcp_client.hpp"

namespace sidecar
{

// Returns the settings that the command's arguments (its name comes first) and the environment
// give, or the text of --help. Throws a configuration Failure when they are wrong.
std::variant<gateway::McpClientSettings, std::string>
read_gateway_mcp_options(const std::vector<std::string> &arguments,
                         const InheritedSecrets &inherited);

// Runs the command; returns its exit code.
int run_gateway_mcp(const std::vector<std::string> &arguments);

} // namespace sidecar
