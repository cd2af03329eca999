// The log: one event a line to stderr, as text or as JSON. Every value is cleaned (clean_text) and
// escaped here, so that nobody can forge a line. Callers never pass a secret: Secret has no
// conversion to a field, and texts of the producer are redacted before (redactor.hpp).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace spdlog
{
class logger;
}

namespace sidecar
{

enum class LogLevel { debug, info, warn, error };
enum class LogFormat { text, json };

struct Field {
    std::string name;
    std::variant<std::string, std::int64_t> value;
};

using Fields = std::vector<Field>;

// One finished line without its newline.
std::string render_line(LogFormat format, std::chrono::system_clock::time_point time,
                        LogLevel level, std::string_view event, const Fields &fields);

// Reads "debug", "info", "warn", "error"; throws a configuration Failure on another word.
LogLevel log_level_of(std::string_view word);

class Log
{
public:
    using Writer = std::function<void(const std::string &line)>;

    // Writes to stderr.
    Log(LogFormat format, LogLevel level);

    // Writes to writer (tests).
    Log(LogFormat format, LogLevel level, Writer writer);

    void
    debug(std::string_view event, const Fields &fields = {})
    {
        write(LogLevel::debug, event, fields);
    }
    void
    info(std::string_view event, const Fields &fields = {})
    {
        write(LogLevel::info, event, fields);
    }
    void
    warn(std::string_view event, const Fields &fields = {})
    {
        write(LogLevel::warn, event, fields);
    }
    void
    error(std::string_view event, const Fields &fields = {})
    {
        write(LogLevel::error, event, fields);
    }

private:
    void write(LogLevel level, std::string_view event, const Fields &fields);

    LogFormat format_;
    LogLevel level_;
    Writer writer_;
};

} // namespace sidecar
