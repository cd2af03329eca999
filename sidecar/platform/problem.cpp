// See problem.hpp.
#include "platform/problem.hpp"

#include "base/json.hpp"
#include "base/text.hpp"

namespace sidecar
{
namespace
{

constexpr int soon = 2; // seconds

struct Meaning {
    std::string_view sqlstate; // or how it begins
    int status;
    const char *title;
    int retry_after;
};

// The first row that fits decides.
constexpr Meaning meanings[] = {
    {"53000", 503, "pool_exhausted", 5},
    {"08", 503, "database_unavailable", soon},
    {"53", 503, "database_unavailable", soon},
    {"57", 503, "database_unavailable", soon},
    {"58", 503, "database_unavailable", soon},
    {"40", 503, "database_unavailable", soon},
    {"25006", 503, "database_unavailable", soon},
    {"42501", 503, "database_unavailable", soon},
    {"42883", 503, "database_unavailable", soon},
    {"42P01", 503, "database_unavailable", soon},
    {"42703", 503, "database_unavailable", soon},
    {"3F000", 503, "database_unavailable", soon},
    {"42704", 404, "not_found", 0},
    {"23505", 409, "conflict", 0},
    {"42710", 409, "conflict", 0},
    {"55P03", 409, "conflict", 1},
    {"22", 422, "refused", 0},
    {"0A000", 422, "refused", 0},
    {"55", 422, "refused", 0},
};

// What the operator has to do when the database is not set up for us.
const char *
remedy_for(std::string_view sqlstate)
{
    if (sqlstate == "42501")
        return "Grant appinfra_admin to the sidecar's login.";
    if (sqlstate == "42883" || sqlstate == "42P01" || sqlstate == "42703" || sqlstate == "3F000")
        return "The control database has no extension appinfra, or an older one.";
    return nullptr;
}

void
set_text(json_t *object, const char *name, const std::string &text)
{
    if (!text.empty())
        json_object_set_new(object, name, json_of(clean_text(text)).release());
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
    return json_text(object);
}

Problem
problem_of(std::string_view sqlstate, const std::string &message, const std::string &detail,
           const std::string &hint)
{
    Problem problem(500, "internal", message);
    for (const Meaning &meaning : meanings) {
        if (!sqlstate.starts_with(meaning.sqlstate))
            continue;
        problem.status = meaning.status;
        problem.title = meaning.title;
        problem.retry_after = meaning.retry_after;
        break;
    }
    // The one refusal of an argument that is about another request.
    if (sqlstate == "22023" && message.starts_with("idempotency_key") &&
        message.ends_with("was used with other arguments")) {
        problem.status = 409;
        problem.title = "conflict";
        problem.detail = "the idempotency key was used with other arguments";
    }
    if (!detail.empty())
        problem.detail += ": " + detail;
    problem.hint = remedy_for(sqlstate) != nullptr ? remedy_for(sqlstate) : hint;
    problem.sqlstate = sqlstate;
    return problem;
}

Problem
database_unavailable(const std::string &why)
{
    Problem problem(503, "database_unavailable", why);
    problem.retry_after = soon;
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
