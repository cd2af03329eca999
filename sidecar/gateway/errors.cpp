// See errors.hpp.
#include "gateway/errors.hpp"

#include <utility>

#include "base/text.hpp"

namespace sidecar::gateway
{
namespace
{

constexpr std::size_t max_detail = 4096;

struct Row {
    std::string_view sqlstate; // whole, or the class
    int status;
    const char *title;
};

// Whole SQLSTATEs stand before their classes.
constexpr Row rows[] = {
    {"42601", 400, "parse_error"},
    {"42P02", 400, "params_mismatch"},
    {"42P18", 400, "params_mismatch"},
    {"08P01", 400,
     "params_mismatch"}, // of Bind; a protocol of ours that is broken ends the connection
    {"42P01", 400, "undefined_object"},
    {"42703", 400, "undefined_object"},
    {"42704", 400, "undefined_object"},
    {"42883", 400, "undefined_object"},
    {"3F000", 400, "undefined_object"},
    {"22", 400, "invalid_input"},
    {"2D000", 400, "transaction_control"},
    {"3B001", 400, "transaction_control"},
    {"25001", 400, "not_in_transaction"},
    {"0A000", 400, "not_supported"},
    {"P0", 400, "raised_exception"},
    {"42501", 403, "permission_denied"},
    {"25006", 403, "permission_denied"},
    {"57014", 408, "statement_timeout"},
    {"23505", 409, "unique_violation"},
    {"23", 409, "integrity_violation"},
    {"40001", 409, "serialization_failure"},
    {"40P01", 409, "deadlock_detected"},
    {"55", 409, "conflict"},
    {"2BP01", 409, "conflict"},
    {"53300", 503, "too_many_connections"},
    {"08", 503, "database_unavailable"},
    {"53", 503, "database_unavailable"},
    {"57P", 503, "database_unavailable"},
    {"25P03", 503, "database_unavailable"},
    {"XX", 500, "database_error"},
    {"58", 500, "database_error"},
    {"F0", 500, "database_error"},
};

// The classes PostgreSQL's own errors have; another one is a function's own code.
constexpr std::string_view own_classes[] = {
    "00", "01", "02", "03", "08", "09", "0A", "0B", "0F", "0L", "0P", "0Z", "20", "21", "22",
    "23", "24", "25", "26", "27", "28", "2B", "2D", "2F", "34", "38", "39", "3B", "3D", "3F",
    "40", "42", "44", "53", "54", "55", "57", "58", "72", "F0", "HV", "P0", "XX"};

bool
is_own_class(std::string_view sqlstate)
{
    for (const std::string_view own : own_classes)
        if (sqlstate.starts_with(own))
            return true;
    return false;
}

Row
row_of(const SqlError &error)
{
    if (error.routine == "exec_parse_message" && error.sqlstate == "42601")
        return {error.sqlstate, 400, "multiple_statements"};
    if (error.routine == "refuse_beyond_disk_limit" && error.sqlstate == "53100")
        return {error.sqlstate, 403, "disk_limit"};
    for (const Row &row : rows)
        if (error.sqlstate.starts_with(row.sqlstate))
            return row;
    return {error.sqlstate, 400,
            is_own_class(error.sqlstate) ? "database_error" : "raised_exception"};
}

} // namespace

bool
needs_no_transaction(const SqlError &error)
{
    return error.sqlstate == "25001" && error.routine == "PreventInTransactionBlock";
}

Problem
problem_of(const SqlError &error)
{
    if (error.sqlstate.empty())
        return unavailable("database_unavailable", "the connection to the workspace was lost");
    const Row row = row_of(error);
    std::string detail = error.message;
    if (!error.detail.empty())
        detail += "\n" + error.detail;
    Problem problem(row.status, row.title, cut_text(detail, max_detail));
    problem.hint = cut_text(error.hint, max_detail);
    problem.sqlstate = error.sqlstate;
    problem.retry_after = row.status == 503 ? 1 : 0;
    return problem;
}

Problem
unavailable(std::string title, std::string detail)
{
    Problem problem(503, std::move(title), std::move(detail));
    problem.retry_after = 1;
    return problem;
}

bool
is_kept(int status, std::string_view title)
{
    if (status == 409)
        return title == "unique_violation" || title == "integrity_violation";
    if (title == "disk_limit")
        return false;
    return status / 100 == 2 || status == 400 || status == 403 || status == 404;
}

} // namespace sidecar::gateway
