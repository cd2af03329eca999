// See message.hpp.
#include "platform/message.hpp"

#include <algorithm>

#include "platform/problem.hpp"

namespace sidecar
{

std::string_view
path_of(const Request &request)
{
    return std::string_view(request.target).substr(0, request.target.find('?'));
}

bool
has_json(const Request &request)
{
    std::string_view type = request.header("content-type");
    type = type.substr(0, type.find(';'));
    while (type.ends_with(' '))
        type.remove_suffix(1);
    constexpr std::string_view json = "application/json";
    return type.size() == json.size() &&
           std::equal(type.begin(), type.end(), json.begin(),
                      [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a | 0x20 : a) == b; });
}

Response
response_of(const Problem &problem)
{
    Response response{problem.status, problem_json(problem), "application/problem+json", false, {}};
    if (problem.retry_after > 0)
        response.headers["Retry-After"] = std::to_string(problem.retry_after);
    if (problem.status == 401)
        response.headers["WWW-Authenticate"] = "Bearer";
    if (problem.status == 405)
        response.headers["Allow"] = problem.hint;
    return response;
}

} // namespace sidecar
