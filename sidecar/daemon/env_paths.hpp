// The option --env-files: which apps and containers have a file outside of the file sink's
// folder, and where.
#pragma once

#include <string>

#include "delivery/file_sink.hpp"

namespace sidecar
{

// Reads APP=PATH and APP/CONTAINER=PATH, separated by commas. Throws a configuration Failure for a
// path that is not absolute or lies in directory, for a part of it that is empty or begins with a
// dot, for what is no container, and for a target or a path that comes twice.
EnvPaths env_paths_of(const std::string &text, const std::string &directory);

} // namespace sidecar
