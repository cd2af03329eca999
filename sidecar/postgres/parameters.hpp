// The parameters of a statement: as text, in their order; nothing stands for NULL.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace sidecar
{

using Parameters = std::vector<std::optional<std::string>>;

} // namespace sidecar
