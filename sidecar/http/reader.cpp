// See reader.hpp. The one file that knows Beast.
#include "http/reader.hpp"

#include <algorithm>
#include <ctime>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "platform/problem.hpp"

namespace sidecar
{

namespace http = boost::beast::http;
using http::error;

namespace
{

Problem
problem_for(boost::system::error_code code)
{
    if (code == error::header_limit || code == error::buffer_overflow)
        return {431, "header_too_large", "the request's header is larger than 16 KiB"};
    if (code == error::body_limit)
        return {413, "body_too_large", "the request's body is larger than 1 MiB"};
    return {400, "invalid_request", "this is not a valid HTTP/1.1 request"};
}

Problem
invalid(const char *why)
{
    return {400, "invalid_request", why};
}

// The headers that may stand in a request once only.
constexpr std::string_view single[] = {"host",          "content-length",  "transfer-encoding",
                                       "authorization", "x-user-email",    "content-type",
                                       "expect",        "idempotency-key", "mcp-session-id"};

const char *
reason_of(int status)
{
    const auto reason = http::obsolete_reason(static_cast<http::status>(status));
    return reason.data(); // a literal
}

std::string
date()
{
    const std::time_t now = std::time(nullptr);
    std::tm parts{};
    gmtime_r(&now, &parts);
    char text[40];
    return {text, std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts)};
}

} // namespace

struct HttpReader::Parser {
    http::request_parser<http::string_body> beast;
    Request request;
    State state = State::head;
    bool expects_continue = false;
    std::size_t head = 0; // how long it is: Beast's limit is one of what is unread
};

HttpReader::HttpReader() : parser_(std::make_unique<Parser>())
{
    parser_->beast.header_limit(max_header);
    parser_->beast.body_limit(max_body);
    parser_->beast.eager(false);
}

HttpReader::~HttpReader() = default;
HttpReader::HttpReader(HttpReader &&) noexcept = default;
HttpReader &HttpReader::operator=(HttpReader &&) noexcept = default;

std::size_t
HttpReader::feed(std::string_view bytes)
{
    std::size_t used = 0;
    while (parser_->state != State::done) {
        boost::system::error_code code;
        const std::size_t size = parser_->beast.put(
            boost::asio::const_buffer(bytes.data() + used, bytes.size() - used), code);
        if (parser_->state == State::head)
            check_lines({bytes.data() + used, size});
        used += size;
        if (code && code != error::need_more)
            throw problem_for(code);
        if (parser_->state == State::head && parser_->beast.is_header_done()) {
            take_head();
            parser_->state = State::body;
        }
        if (parser_->beast.is_done()) {
            parser_->request.body = std::move(parser_->beast.get().body());
            parser_->state = State::done;
        }
        if (code == error::need_more || used == bytes.size())
            break;
    }
    // A head, or the line before a chunk, that does not end.
    if (parser_->state != State::done && bytes.size() - used > max_header)
        throw problem_for(error::header_limit);
    return used;
}

// Counts whole lines of a head. The parser joins one that goes on in the next, as was once allowed;
// others take the next for a header of its own.
void
HttpReader::check_lines(std::string_view lines)
{
    if ((parser_->head += lines.size()) > max_header)
        throw problem_for(error::header_limit);
    if (lines.find("\r\n ") != std::string_view::npos ||
        lines.find("\r\n\t") != std::string_view::npos)
        throw invalid("a header goes on in another line");
}

void
HttpReader::take_head()
{
    auto &head = parser_->beast.get();
    Request &request = parser_->request;
    request.method = std::string(head.method_string());
    request.target = std::string(head.target());
    request.keep_alive = head.keep_alive();
    for (const auto &field : head) {
        std::string name(field.name_string());
        for (char &c : name)
            c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
        const bool anew = request.headers.emplace(name, std::string(field.value())).second;
        if (!anew && std::find(std::begin(single), std::end(single), name) != std::end(single))
            throw invalid("a header stands there twice");
    }
    // The parser takes "5, 5" for 5.
    if (request.header("content-length").find_first_not_of("0123456789") != std::string_view::npos)
        throw invalid("the Content-Length is no number");
    const bool coded = request.headers.contains("transfer-encoding");
    if (coded && (!parser_->beast.chunked() || head.version() < 11 ||
                  !boost::beast::iequals(request.header("transfer-encoding"), "chunked")))
        throw invalid("the only transfer encoding is \"chunked\"");
    if (head.version() >= 11 && !request.headers.contains("host"))
        throw invalid("there is no Host header");
    if (head.version() != 11 && head.version() != 10)
        throw Problem(505, "invalid_request", "the protocol must be HTTP/1.1");
    parser_->expects_continue = boost::beast::iequals(request.header("expect"), "100-continue");
}

HttpReader::State
HttpReader::state() const
{
    return parser_->state;
}

Request &
HttpReader::request()
{
    return parser_->request;
}

bool
HttpReader::expects_continue() const
{
    return parser_->expects_continue;
}

std::size_t
HttpReader::body_size() const
{
    return parser_->state == State::done ? parser_->request.body.size()
                                         : parser_->beast.get().body().size();
}

std::string
response_text(const Response &response, bool keep_alive)
{
    std::string text = "HTTP/1.1 " + std::to_string(response.status) + " " +
                       reason_of(response.status) + "\r\nDate: " + date() + "\r\n";
    if (!response.body.empty())
        text += "Content-Type: " + response.type + "\r\n";
    for (const auto &[name, value] : response.headers)
        text.append(name).append(": ").append(value).append("\r\n");
    if (response.secret)
        text += "Cache-Control: no-store\r\n";
    text += "X-Content-Type-Options: nosniff\r\nContent-Length: " +
            std::to_string(response.body.size()) + "\r\n";
    if (!keep_alive)
        text += "Connection: close\r\n";
    return text + "\r\n" + response.body;
}

} // namespace sidecar
