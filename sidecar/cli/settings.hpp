// Where the API is and with which token it is asked: flags, the environment, a profile of
// ~/.config/appinfra/config, or this machine's socket. A token of a profile goes to that profile's
// server only.
#pragma once

#include "base/command_line.hpp"
#include "cli/client.hpp"

namespace sidecar::cli
{

// Where `appinfrad serve --socket` of the package listens.
inline constexpr const char *usual_socket = "unix:/run/appinfra/socket";

// What APPINFRA_TOKEN held; it is in the environment no more, so that no child has it. To be called
// before anything else runs.
Secret take_token();

// The server that the options name. Throws a configuration Failure.
Server server_of(const OptionValues &values, Secret token);

// The path of the file of profiles; "" when there is no home.
std::string profiles_path();

} // namespace sidecar::cli
