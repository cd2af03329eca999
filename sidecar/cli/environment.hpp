// The environment, as far as it steers what is shown and where the API is.
#pragma once

#include <cstdlib>
#include <string>

namespace sidecar::cli
{

// A variable of the environment, "" when it is not set.
inline std::string
environment(const char *name)
{
    const char *value = std::getenv(name);
    return value != nullptr ? value : "";
}

} // namespace sidecar::cli
