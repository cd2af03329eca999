// The tools: the use cases as an agent calls them, with the answers of the
// platform's documents. With a producer configured none of them ever asks for a password, so none
// can say one.
#pragma once

#include <span>

#include "mcp/tool.hpp"

namespace sidecar
{

std::span<const Tool> tools();

} // namespace sidecar
