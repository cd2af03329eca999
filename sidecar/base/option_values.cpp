// See option_values.hpp.
#include "base/option_values.hpp"

#include <algorithm>
#include <charconv>

#include "base/failure.hpp"

namespace sidecar
{
std::size_t
count_of(const OptionValues &values, const std::string &name, std::size_t least, std::size_t most)
{
    const std::string &text = values.at(name);
    std::size_t count = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (error != std::errc() || end != text.data() + text.size() || count < least || count > most)
        refuse("--" + name + " must be a whole number from " + std::to_string(least) + " to " +
               std::to_string(most));
    return count;
}

std::int64_t
size_of(const OptionValues &values, const std::string &name)
{
    const std::string &text = values.at(name);
    const char *end = text.data() + text.size();
    std::int64_t number = 0;
    const auto [rest, error] = std::from_chars(text.data(), end, number);
    const std::string unit(rest, end);
    const int shift = unit.empty()    ? 0
                      : unit == "KiB" ? 10
                      : unit == "MiB" ? 20
                      : unit == "GiB" ? 30
                                      : -1;
    if (error != std::errc() || shift < 0 || number < 1 ||
        number > (std::int64_t{1} << 50 >> shift))
        refuse("--" + name +
               " must be a number of bytes up to 1 PiB, such as 1048576, 100MiB or 2GiB");
    return number << shift;
}

bool
switch_of(const OptionValues &values, const std::string &name)
{
    const std::string &text = values.at(name);
    if (text != "0" && text != "1")
        refuse("--" + name + " must be 0 or 1");
    return text == "1";
}

Duration
duration_of(const std::string &name, const std::string &text, int days)
{
    double number = 0;
    const char *end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, number);
    const std::string unit(rest, end);
    const double factor = unit == "ms"                  ? 1
                          : unit == "s" || unit.empty() ? 1000
                          : unit == "m"                 ? 60'000
                          : unit == "h"                 ? 3'600'000
                          : unit == "d" && days > 1     ? 86'400'000
                                                        : 0;
    const double millis = number * factor;
    if (error != std::errc() || !(millis >= 1 && millis <= days * 86'400'000.0))
        refuse("--" + name + " must be a time from 1ms to " +
               (days == 1 ? "24h, such as 500ms, 15s or 2m"
                          : std::to_string(days) + "d, such as 90m, 24h or 7d"));
    return Duration(static_cast<Duration::rep>(millis));
}

} // namespace sidecar
