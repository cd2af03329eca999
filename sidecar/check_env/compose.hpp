// The environments of the services of a compose file: `environment` and `env_file` of each, filled
// in from the environment of who asks and from the file .env beside it.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/variable.hpp"
#include "check_env/interpolation.hpp"

namespace sidecar
{

struct ComposeService {
    std::string name;
    std::vector<Variable> variables; // a name once
    std::set<std::string> unknown;   // those whose value takes something that is not set here
};

// Reads a file that the compose file names; nothing when it is not there. Throws a Failure.
using ReadBeside = std::function<std::optional<std::string>(const std::string &path)>;

// Returns the services in the file's order. Throws a configuration Failure that quotes no value:
// for a text that is no compose file, and for what only compose itself can put together (`extends`,
// `include`).
std::vector<ComposeService> read_compose(std::string_view text, const Lookup &environment,
                                         const ReadBeside &read_beside);

} // namespace sidecar
