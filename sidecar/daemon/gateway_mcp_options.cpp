// See gateway_mcp_options.hpp.
#include "daemon/gateway_mcp_options.hpp"

#include <iostream>
#include <iterator>
#include <utility>

#include <unistd.h>

#include "base/command_line.hpp"
#include "base/exit_code.hpp"
#include "base/failure.hpp"
#include "base/url.hpp"
#include "daemon/commands.hpp"
#include "base/option_values.hpp"
#include "postgres/database_url.hpp"

namespace sidecar
{
namespace
{

constexpr const char *command = "gateway-mcp";
constexpr const char *group = "Gateway";

// clang-format off
constexpr OptionRow rows[] = {
    {"gateway-url", "AGENTCOOPDB_GATEWAY_URL", "", command, group, "base URL of the gateway; https, or http to a loopback address"},
    {"api-key-file", "AGENTCOOPDB_API_KEY_FILE", "", command, group, "file with the API key"},
    {"gateway-ca", "APPINFRA_GATEWAY_CA", "", command, group, "PEM file of the only authorities trusted for the gateway; else the system's"},
    {"allow-plaintext", "APPINFRA_ALLOW_PLAINTEXT", "0", command, group, "1: http to any host, the key travels in clear"},
};
// clang-format on

constexpr const char *footer =
    "Speaks the Model Context Protocol on standard input and output, a message a line, for the\n"
    "holder of an API key. Example, as an agent's configuration has it:\n"
    "  {\"command\": \"appinfrad\", \"args\": [\"gateway-mcp\"],\n"
    "   \"env\": {\"AGENTCOOPDB_GATEWAY_URL\": \"https://gateway.example\",\n"
    "           \"AGENTCOOPDB_API_KEY_FILE\": \"/home/agent/.config/api-key\"}}\n"
    "The key comes by AGENTCOOPDB_API_KEY or AGENTCOOPDB_API_KEY_FILE, never by a flag.\n"
    "Exit codes: 0 the input has ended; 2 configuration.";

} // namespace

std::variant<gateway::McpClientSettings, std::string>
read_gateway_mcp_options(const std::vector<std::string> &arguments,
                         const InheritedSecrets &inherited)
{
    CommandSyntax syntax;
    syntax.command = command;
    syntax.description = summary_of(command);
    syntax.footer = footer;
    syntax.rows.assign(std::begin(rows), std::end(rows));
    auto answer = parse_command_line(syntax, {arguments.begin() + 1, arguments.end()});
    if (std::string *help = std::get_if<std::string>(&answer))
        return std::move(*help);
    const OptionValues &values = std::get<CommandLine>(answer).values;
    gateway::McpClientSettings settings;
    settings.url = values.at("gateway-url");
    if (settings.url.empty())
        refuse("no gateway: set AGENTCOOPDB_GATEWAY_URL");
    check_url(settings.url, "the gateway's URL", switch_of(values, "allow-plaintext"));
    settings.key =
        bearer_token(secret_of(inherited.api_key, values.at("api-key-file"), "AGENTCOOPDB_API_KEY"),
                     "the API key");
    if (settings.key.empty())
        refuse("no key: set AGENTCOOPDB_API_KEY_FILE, or AGENTCOOPDB_API_KEY");
    settings.ca_file = values.at("gateway-ca");
    return settings;
}

int
run_gateway_mcp(const std::vector<std::string> &arguments)
{
    const InheritedSecrets inherited = take_inherited_secrets();
    auto answer = read_gateway_mcp_options(arguments, inherited);
    if (const std::string *help = std::get_if<std::string>(&answer)) {
        std::cout << *help;
        return exit_code::done;
    }
    gateway::pass_messages(std::get<gateway::McpClientSettings>(answer), STDIN_FILENO,
                           STDOUT_FILENO);
    return exit_code::done;
}

} // namespace sidecar
