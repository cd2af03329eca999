// What is made of the tables at build time: the manual page and the completions.
#pragma once

#include <string>

namespace sidecar::cli
{

// "man", "bash" or "zsh". Throws a configuration Failure for another word.
std::string generated(const std::string &what);

} // namespace sidecar::cli
