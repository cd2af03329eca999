// Why a request of the REST API or a call of an MCP tool is not granted, as the caller is told: an
// RFC 9457 problem whose title is a stable code. Its texts go to the caller, so whoever makes one
// sees to it that they hold no secret and nothing of another user's.
#pragma once

#include <exception>
#include <string>
#include <utility>

namespace sidecar
{

// What a caller waits before it tries again where nothing else is known, in seconds.
constexpr int retry_soon = 2;

class Problem : public std::exception
{
public:
    Problem(int status, std::string title, std::string detail)
        : status(status), title(std::move(title)), detail(std::move(detail))
    {
    }

    const char *
    what() const noexcept override
    {
        return detail.c_str();
    }

    int status;
    std::string title;
    std::string detail;
    std::string hint;
    std::string sqlstate;
    int retry_after = 0;   // seconds; 0: none
    std::string bucket_id; // which is there all the same; empty: none
};

// The problem as application/problem+json.
std::string problem_json(const Problem &problem);

// The database cannot be reached, or does not answer in time.
Problem database_unavailable(const std::string &why);

// There is no such thing, or none of the caller's.
Problem not_found(const std::string &what);

// A field of the request is missing, unknown or of the wrong kind.
Problem invalid_field(const std::string &why);

} // namespace sidecar
