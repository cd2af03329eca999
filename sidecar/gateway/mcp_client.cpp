// See mcp_client.hpp.
#include "gateway/mcp_client.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <utility>

#include <unistd.h>

#include "base/curl.hpp"
#include "base/failure.hpp"
#include "base/text.hpp"
#include "gateway/json_text.hpp"
#include "gateway/json_view.hpp"
#include "mcp/rpc.hpp"

namespace sidecar::gateway
{
namespace
{

constexpr std::size_t max_message = 1024 * 1024;       // the gateway's own limit
constexpr std::size_t max_answer = 64UL * 1024 * 1024; // bytes

// The lines of a descriptor.
class Lines
{
public:
    explicit Lines(int input) : input_(input)
    {
    }

    // The next line; nothing when the input has ended. One that is too long is cut.
    std::optional<std::string>
    next()
    {
        for (;;) {
            if (const std::size_t end = pending_.find('\n'); end != std::string::npos) {
                std::string line = pending_.substr(0, end);
                pending_.erase(0, end + 1);
                return line;
            }
            // Of a line that is too long, what is kept is too long as well.
            pending_.resize(std::min(pending_.size(), max_message + 1));
            std::array<char, 8192> part;
            const ssize_t size = ::read(input_, part.data(), part.size());
            if (size < 0 && errno == EINTR)
                continue;
            if (size <= 0)
                return std::nullopt;
            pending_.append(part.data(), static_cast<std::size_t>(size));
        }
    }

private:
    int input_;
    std::string pending_;
};

// Writes a line; false when nobody reads any more. JSON has no newline but between its parts.
bool
write_line(int output, std::string text)
{
    std::replace_if(
        text.begin(), text.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
    text += '\n';
    for (std::size_t sent = 0; sent < text.size();) {
        const ssize_t size = ::write(output, text.data() + sent, text.size() - sent);
        if (size < 0 && errno != EINTR)
            return false;
        sent += size > 0 ? static_cast<std::size_t>(size) : 0;
    }
    return true;
}

// The string at a path of members; empty when it is not there.
std::string
text_at(JsonView value, std::initializer_list<const char *> path)
{
    for (const char *name : path) {
        const auto member =
            value.kind() == JsonView::Kind::object ? value.member(name) : std::nullopt;
        if (!member)
            return "";
        value = *member;
    }
    return value.kind() == JsonView::Kind::string ? value.text().value_or("") : "";
}

// One gateway, asked with one key.
class Gateway
{
public:
    explicit Gateway(const McpClientSettings &settings)
        : easy_(make_easy()), url_(settings.url), key_(settings.key.clone())
    {
        while (url_.ends_with('/'))
            url_.pop_back();
        url_ += "/v1/mcp";
        set_security(easy_, read_authorities(settings.ca_file));
        set(easy_, CURLOPT_URL, url_.c_str());
        set(easy_, CURLOPT_WRITEFUNCTION, &take_part);
        set(easy_, CURLOPT_WRITEDATA, this);
        set(easy_, CURLOPT_ERRORBUFFER, error_.data());
        set(easy_, CURLOPT_USERAGENT, "appinfrad/" APPINFRA_VERSION);
        set(easy_, CURLOPT_CONNECTTIMEOUT_MS, long{settings.connect_timeout.count()});
        set(easy_, CURLOPT_TIMEOUT_MS, long{settings.call_timeout.count()});
        speak("");
    }

    // What there is to be said to a message; empty: nothing.
    std::string
    answer(const std::string &message)
    {
        if (message.size() > max_message)
            return rpc::error_text("null", rpc::Code::invalid_request, "the message is too long");
        if (!is_utf8(message) || !is_json_text(message))
            return rpc::error_text("null", rpc::Code::parse_error, "not valid JSON");
        const JsonView asked(message);
        std::string refused = post(message);
        if (refused.empty()) {
            if (text_at(asked, {"method"}) == "initialize" && is_json_text(body_))
                speak(text_at(JsonView(body_), {"result", "protocolVersion"}));
            return std::move(body_);
        }
        const auto id =
            asked.kind() == JsonView::Kind::object ? asked.member("id") : JsonView("null");
        if (!id) // a notification, which is not answered
            return "";
        return rpc::error_text(id->raw(), rpc::Code::internal_error, refused);
    }

private:
    // Sends a message; what was said to it is in body_. Returns why there is no answer to it.
    std::string
    post(const std::string &message)
    {
        body_.clear();
        error_[0] = '\0';
        set(easy_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(message.size()));
        set(easy_, CURLOPT_POSTFIELDS, message.data());
        const CURLcode code = curl_easy_perform(easy_.get());
        if (code != CURLE_OK)
            return "the gateway cannot be reached: " +
                   std::string(error_[0] != '\0' ? error_.data() : curl_easy_strerror(code));
        long status = 0;
        curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
        const bool is_json = is_utf8(body_) && is_json_text(body_);
        if (status / 100 == 2 && (is_json || body_.empty()))
            return "";
        if (is_json && !text_at(JsonView(body_), {"jsonrpc"}).empty())
            return "";
        const std::string title = is_json ? text_at(JsonView(body_), {"title"}) : "";
        if (title.empty())
            return "the gateway's address answers " + std::to_string(status) +
                   ", which no gateway does";
        return title + ": " + text_at(JsonView(body_), {"detail"});
    }

    // Says from now on that this version of the protocol is spoken; empty: none is agreed on yet.
    void
    speak(const std::string &version)
    {
        Headers headers;
        add_header(headers, "Content-Type: application/json");
        add_header(headers, "Accept: application/json, text/event-stream");
        add_header(headers, "Authorization: Bearer " + std::string(key_.reveal()));
        if (!version.empty() && clean_text(version) == version)
            add_header(headers, "MCP-Protocol-Version: " + version);
        headers_ = std::move(headers);
        set(easy_, CURLOPT_HTTPHEADER, headers_.get());
    }

    static std::size_t
    take_part(char *from, std::size_t size, std::size_t count, void *self)
    {
        std::string &body = static_cast<Gateway *>(self)->body_;
        if (body.size() + size * count > max_answer)
            return 0; // ends the transfer
        body.append(from, size * count);
        return size * count;
    }

    Easy easy_;
    Headers headers_;
    std::string url_;
    Secret key_;
    std::string body_;
    std::array<char, CURL_ERROR_SIZE> error_{};
};

} // namespace

void
pass_messages(const McpClientSettings &settings, int input, int output)
{
    Gateway gateway(settings);
    Lines lines(input);
    while (const auto line = lines.next()) {
        if (line->find_first_not_of(" \r\t") == std::string::npos)
            continue;
        const std::string answer = gateway.answer(*line);
        if (!answer.empty() && !write_line(output, answer))
            return;
    }
}

} // namespace sidecar::gateway
