// Which word was meant by one that is not known.
#pragma once

#include <string>
#include <vector>

namespace sidecar
{

// Returns the known word that is spelled almost like this one; "" when there is none.
std::string nearest_word(const std::string &word, const std::vector<std::string> &known);

} // namespace sidecar
