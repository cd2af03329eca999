// What the text of an option means: a number, a switch, a time.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/command_line.hpp"

namespace sidecar
{

// Returns the whole number an option has, from least to most. Throws a configuration Failure.
std::size_t count_of(const OptionValues &values, const std::string &name, std::size_t least,
                     std::size_t most);

// Returns the number of bytes an option has: 1048576, 1024KiB, 1MiB, 1GiB; at least one. Throws a
// configuration Failure.
std::int64_t size_of(const OptionValues &values, const std::string &name);

// Returns whether an option is "1" and not "0". Throws a configuration Failure.
bool switch_of(const OptionValues &values, const std::string &name);

// Reads "1500ms", "15s", "2m", "1h", "1d", or seconds without a unit, up to so many days. Throws a
// configuration Failure.
Duration duration_of(const std::string &name, const std::string &text, int days = 1);

} // namespace sidecar
