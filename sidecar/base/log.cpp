// See log.hpp.
#include "base/log.hpp"

#include <array>
#include <cstdio>
#include <ctime>

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

#include "base/failure.hpp"
#include "base/json.hpp"
#include "base/text.hpp"

namespace sidecar
{
namespace
{

constexpr std::array level_names = {"debug", "info", "warn", "error"};

const char *
name_of(LogLevel level)
{
    return level_names[static_cast<std::size_t>(level)];
}

std::string
iso_time(std::chrono::system_clock::time_point time)
{
    using std::chrono::duration_cast;
    const auto since = time.time_since_epoch();
    const auto millis = duration_cast<std::chrono::milliseconds>(since).count();
    const std::time_t seconds = static_cast<std::time_t>(millis / 1000);
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    std::array<char, 40> text;
    const std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
    std::array<char, 8> fraction;
    std::snprintf(fraction.data(), fraction.size(), ".%03dZ", static_cast<int>(millis % 1000));
    return std::string(text.data(), size) + fraction.data();
}

// A value as it stands in a text line: bare when it is one plain word, else a JSON string.
std::string
text_value(const std::variant<std::string, std::int64_t> &value)
{
    if (const auto *number = std::get_if<std::int64_t>(&value))
        return std::to_string(*number);
    const std::string text = clean_text(std::get<std::string>(value));
    const bool plain = !text.empty() && text.find_first_of(" \"=\\") == std::string::npos;
    return plain ? text : json_text(json_of(text));
}

Json
json_value(const std::variant<std::string, std::int64_t> &value)
{
    if (const auto *number = std::get_if<std::int64_t>(&value))
        return Json(json_integer(*number));
    return json_of(clean_text(std::get<std::string>(value)));
}

} // namespace

std::string
render_line(LogFormat format, std::chrono::system_clock::time_point time, LogLevel level,
            std::string_view event, const Fields &fields)
{
    if (format == LogFormat::text) {
        std::string line = iso_time(time) + " " + name_of(level) + " " + clean_text(event);
        for (const Field &field : fields)
            line += " " + field.name + "=" + text_value(field.value);
        return line;
    }
    Json object(json_object());
    json_object_set_new(object.get(), "time", json_of(iso_time(time)).release());
    json_object_set_new(object.get(), "level", json_string(name_of(level)));
    json_object_set_new(object.get(), "event", json_of(clean_text(event)).release());
    for (const Field &field : fields)
        json_object_set_new(object.get(), field.name.c_str(), json_value(field.value).release());
    return json_text(object);
}

LogLevel
log_level_of(std::string_view word)
{
    for (std::size_t i = 0; i < level_names.size(); i++)
        if (word == level_names[i])
            return static_cast<LogLevel>(i);
    throw Failure(Failure::Kind::configuration,
                  "unknown log level \"" + clean_text(word) + "\": debug, info, warn or error");
}

Log::Log(LogFormat format, LogLevel level) : format_(format), level_(level)
{
    auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    auto logger = std::make_shared<spdlog::logger>("appinfrad", sink);
    logger->set_pattern("%v");
    logger->flush_on(spdlog::level::info);
    writer_ = [logger](const std::string &line) {
        logger->log(spdlog::level::info, spdlog::string_view_t(line));
    };
}

Log::Log(LogFormat format, LogLevel level, Writer writer)
    : format_(format), level_(level), writer_(std::move(writer))
{
}

void
Log::write(LogLevel level, std::string_view event, const Fields &fields)
{
    if (level >= level_)
        writer_(render_line(format_, std::chrono::system_clock::now(), level, event, fields));
}

} // namespace sidecar
