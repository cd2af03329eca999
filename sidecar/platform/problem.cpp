// See problem.hpp.
#include "platform/problem.hpp"

#include "base/json.hpp"
#include "base/text.hpp"

namespace sidecar
{
namespace
{

void
set_text(json_t *object, const char *name, const std::string &text)
{
    if (!text.empty())
        json_object_set_new(object, name, json_of(clean_lines(text)).release());
}

} // namespace

std::string
problem_json(const Problem &problem)
{
    const Json object(json_object());
    set_text(object.get(), "type", "about:blank");
    set_text(object.get(), "title", problem.title);
    json_object_set_new(object.get(), "status", json_integer(problem.status));
    set_text(object.get(), "detail", problem.detail);
    set_text(object.get(), "hint", problem.hint);
    set_text(object.get(), "sqlstate", problem.sqlstate);
    set_text(object.get(), "bucket_id", problem.bucket_id);
    return json_text(object);
}

Problem
database_unavailable(const std::string &why)
{
    Problem problem(503, "database_unavailable", why);
    problem.retry_after = retry_soon;
    return problem;
}

Problem
not_found(const std::string &what)
{
    return {404, "not_found", what};
}

Problem
invalid_field(const std::string &why)
{
    return {400, "invalid_field", why};
}

} // namespace sidecar
