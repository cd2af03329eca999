// See error_table.hpp.
#include "platform/error_table.hpp"

namespace sidecar
{
namespace
{

constexpr const char *unavailable = "database_unavailable";
constexpr const char *no_right = "Grant appinfra_admin to the sidecar's login.";
constexpr const char *no_extension =
    "The control database has no extension appinfra, or an older one.";

constexpr ErrorMeaning use_case_meanings[] = {
    {"53000", 503, "pool_exhausted", 5},
    {"08", 503, unavailable, retry_soon},
    {"53", 503, unavailable, retry_soon},
    {"57", 503, unavailable, retry_soon},
    {"58", 503, unavailable, retry_soon},
    {"40", 503, unavailable, retry_soon},
    {"25006", 503, unavailable, retry_soon},
    {"42501", 503, unavailable, retry_soon, no_right},
    {"42883", 503, unavailable, retry_soon, no_extension},
    {"42P01", 503, unavailable, retry_soon, no_extension},
    {"42703", 503, unavailable, retry_soon, no_extension},
    {"3F000", 503, unavailable, retry_soon, no_extension},
    {"42704", 404, "not_found"},
    {"23505", 409, "conflict"},
    {"42710", 409, "conflict"},
    {"55P03", 409, "conflict", 1},
    // The message names the key as the registry knows it, which is not as the caller does.
    {"22023", 409, "conflict", 0, nullptr, "idempotency_key",
     "the idempotency key was used with other arguments"},
    {"22", 422, "refused"},
    {"0A000", 422, "refused"},
    {"55", 422, "refused"},
};

const ErrorMeaning *
find(const ServerError &error, ErrorTable table)
{
    for (const ErrorMeaning &meaning : table)
        if (error.sqlstate.starts_with(meaning.sqlstate) &&
            (meaning.constraint == nullptr || error.constraint == meaning.constraint))
            return &meaning;
    return nullptr;
}

} // namespace

const ErrorTable use_case_errors = use_case_meanings;

Problem
problem_of(const Failure &failure, ErrorTable table)
{
    const ServerError &error = failure.server();
    if (error.sqlstate.empty())
        return database_unavailable(failure.what());
    Problem problem(500, "internal", error.message);
    problem.hint = error.hint;
    problem.sqlstate = error.sqlstate;
    if (const ErrorMeaning *meaning = find(error, table)) {
        problem.status = meaning->status;
        problem.title = meaning->title;
        problem.retry_after = meaning->retry_after;
        problem.detail = meaning->detail != nullptr ? meaning->detail : error.message;
        problem.hint = meaning->hint != nullptr ? meaning->hint : error.hint;
    }
    if (!error.detail.empty())
        problem.detail += ": " + error.detail;
    return problem;
}

} // namespace sidecar
