// See message.hpp.
#include "platform/message.hpp"

#include "platform/problem.hpp"

namespace sidecar
{

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
