// Bytes as hexadecimal digits.
#pragma once

#include <string>
#include <string_view>

namespace sidecar
{

// Each byte as two digits, in lower case.
std::string hex(std::string_view bytes);

} // namespace sidecar
