// A variable of an environment: its name, and its value, which may be a DSN.
#pragma once

#include <string>

#include "base/secret.hpp"

namespace sidecar
{

struct Variable {
    std::string name;
    Secret value;
};

} // namespace sidecar
