// See client.hpp.
#include "cli/client.hpp"

#include <array>
#include <cerrno>
#include <utility>

#include "base/failure.hpp"
#include "base/text.hpp"
#include "base/url.hpp"
#include "cli/exit_codes.hpp"

namespace sidecar::cli
{
namespace
{

constexpr std::string_view unix_prefix = "unix:";
constexpr std::size_t largest_answer = 64 * 1024 * 1024;
constexpr long connect_seconds = 10;
constexpr long call_seconds = 120;

std::size_t
append_answer(char *data, std::size_t size, std::size_t count, void *answer)
{
    auto &text = *static_cast<std::string *>(answer);
    if (text.size() + size * count > largest_answer)
        return 0;
    text.append(data, size * count);
    return size * count;
}

int
exit_code_of(int status)
{
    if (status == 401 || status == 403)
        return exit_codes::unauthorized;
    if (status == 404)
        return exit_codes::not_found;
    return status >= 500 || status == 429 ? exit_codes::unreachable : exit_codes::refused;
}

// What an answer that is no success says.
Refusal
refusal_of(int status, const std::string &body)
{
    const Json problem = parse_json(body);
    const std::string title = string_member(problem, "title").value_or("");
    std::string text = clean_text(string_member(problem, "detail").value_or(title));
    if (text.empty())
        text = "the server answers " + std::to_string(status);
    Refusal refusal(exit_code_of(status), text);
    refusal.status = status;
    refusal.hint = clean_text(string_member(problem, "hint").value_or(""));
    if (problem)
        refusal.document = json_text(problem);
    return refusal;
}

} // namespace

Client::Client(Server server) : server_(std::move(server)), easy_(make_easy())
{
    if (server_.url.starts_with(unix_prefix))
        socket_ = server_.url.substr(unix_prefix.size());
    else
        check_url(server_.url, "the URL of the API", false);
    while (server_.url.ends_with('/'))
        server_.url.pop_back();
}

Json
Client::get(const std::string &path)
{
    return call("GET", path);
}

Json
Client::call(const std::string &method, const std::string &path, const Json &body)
{
    Headers headers;
    std::string content = body ? json_text(body) : "";
    curl_easy_reset(easy_.get());
    set(easy_, CURLOPT_URL, url_of(path).c_str());
    set_security(easy_, server_.authorities);
    set(easy_, CURLOPT_CUSTOMREQUEST, method.c_str());
    set(easy_, CURLOPT_USERAGENT, "appinfra/" APPINFRA_VERSION);
    set(easy_, CURLOPT_CONNECTTIMEOUT, connect_seconds);
    set(easy_, CURLOPT_TIMEOUT, call_seconds);
    if (!socket_.empty())
        set(easy_, CURLOPT_UNIX_SOCKET_PATH, socket_.c_str());
    else if (!server_.token.empty())
        add_header(headers, "Authorization: Bearer " + std::string(server_.token.reveal()));
    if (body) {
        add_header(headers, "Content-Type: application/json");
        set(easy_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(content.size()));
        set(easy_, CURLOPT_POSTFIELDS, content.data());
    }
    set(easy_, CURLOPT_HTTPHEADER, headers.get());
    long status = 0;
    const std::string answer = send(easy_, status);
    if (status < 200 || status > 299)
        throw refusal_of(static_cast<int>(status), answer);
    Json document = parse_json(answer);
    if (!document)
        throw Refusal(exit_codes::unreachable,
                      "what answers at " + server_.url + " is no appinfra");
    return document;
}

Json
Client::pages(const std::string &path, const char *list)
{
    Json all = get(path);
    std::string next = path + (path.find('?') == std::string::npos ? "?" : "&");
    for (const json_t *cursor = json_object_get(all.get(), "next_cursor"); cursor != nullptr;
         cursor = json_object_get(all.get(), "next_cursor")) {
        const std::string text = json_is_string(cursor)
                                     ? json_string_value(cursor)
                                     : std::to_string(json_integer_value(cursor));
        const Json page = get(next + "cursor=" + percent_encode(text));
        json_array_extend(json_object_get(all.get(), list), json_object_get(page.get(), list));
        json_t *further = json_object_get(page.get(), "next_cursor");
        if (further == nullptr)
            json_object_del(all.get(), "next_cursor");
        else
            json_object_set(all.get(), "next_cursor", further);
    }
    return all;
}

std::string
Client::url_of(const std::string &path) const
{
    return (socket_.empty() ? server_.url : "http://localhost") + path;
}

// Sends what is set and returns the body of the answer.
std::string
Client::send(const Easy &easy, long &status)
{
    std::string answer;
    std::array<char, CURL_ERROR_SIZE> error{};
    set(easy, CURLOPT_WRITEFUNCTION, &append_answer);
    set(easy, CURLOPT_WRITEDATA, &answer);
    set(easy, CURLOPT_ERRORBUFFER, error.data());
    const CURLcode code = curl_easy_perform(easy.get());
    if (code != CURLE_OK)
        refuse_unreachable(easy, code, error.data());
    curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &status);
    return answer;
}

// Says why nobody answered, and what to do about the socket.
void
Client::refuse_unreachable(const Easy &easy, CURLcode code, const char *error) const
{
    long system = 0;
    curl_easy_getinfo(easy.get(), CURLINFO_OS_ERRNO, &system);
    Refusal refusal(exit_codes::unreachable,
                    "no answer from " + server_.url + ": " +
                        clean_text(error[0] != '\0' ? error : curl_easy_strerror(code)));
    if (!socket_.empty() && (system == EACCES || system == EPERM))
        refusal = Refusal(exit_codes::unauthorized,
                          "the socket " + socket_ + " is for root and the group it belongs to");
    else if (!socket_.empty())
        refusal.hint = "`appinfrad serve --socket=" + socket_ +
                       "` answers there; APPINFRA_URL names a server elsewhere";
    throw refusal;
}

std::string
api_path(const std::vector<std::string_view> &segments)
{
    std::string path = "/api/app-infra";
    for (const std::string_view segment : segments)
        path += "/" + percent_encode(segment);
    return path;
}

std::string
query_of(const std::vector<std::pair<std::string_view, std::string>> &pairs)
{
    std::string query;
    for (const auto &[name, value] : pairs)
        if (!value.empty())
            query += (query.empty() ? "?" : "&") + std::string(name) + "=" + percent_encode(value);
    return query;
}

} // namespace sidecar::cli
