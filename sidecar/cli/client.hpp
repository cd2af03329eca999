// The client of the REST API: sends a request, returns the document, or throws what was refused.
// It sends a token to the server that it was given for, and to no other.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "base/curl.hpp"
#include "base/json.hpp"
#include "base/secret.hpp"

namespace sidecar::cli
{

// Where the API is.
struct Server {
    std::string url;         // https://…, http://… of loopback, or unix:PATH
    std::string authorities; // PEM; empty: the system's
    Secret token;            // empty: none
};

// What the server did not do, or that none answered. Its text is for the person who asked.
class Refusal : public std::runtime_error
{
public:
    Refusal(int code, const std::string &text) : std::runtime_error(text), exit_code(code)
    {
    }

    int exit_code;
    int status = 0; // of HTTP; 0: nobody answered
    std::string hint;
    std::string document; // the problem as it came; empty: there is none
};

class Client
{
public:
    // Throws a configuration Failure when the URL is none to be used.
    explicit Client(Server server);

    // The document at a path. Throws a Refusal.
    Json get(const std::string &path);

    // Sends a document, or nothing when it is null, and returns the answer. Throws a Refusal.
    Json call(const std::string &method, const std::string &path, const Json &body = nullptr);

    // All pages of a list, as one document; path has its query already, or none.
    Json pages(const std::string &path, const char *list);

    // Where it is, for messages.
    const std::string &
    where() const
    {
        return server_.url;
    }

private:
    std::string url_of(const std::string &path) const;
    std::string send(const Easy &easy, long &status);
    [[noreturn]] void refuse_unreachable(const Easy &easy, CURLcode code, const char *error) const;

    Server server_;
    std::string socket_; // path; empty: by address
    Easy easy_;
};

// "/api/app-infra" and these segments, each percent-encoded.
std::string api_path(const std::vector<std::string_view> &segments);

// A query string of the pairs whose value is not empty; "" when there is none.
std::string query_of(const std::vector<std::pair<std::string_view, std::string>> &pairs);

} // namespace sidecar::cli
