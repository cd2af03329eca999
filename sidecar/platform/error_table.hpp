// What PostgreSQL's refusals mean for whoever asked: a table, and each door (REST, MCP) says which
// one it answers by, because the same SQLSTATE means different things at different doors.
#pragma once

#include <span>
#include <string_view>

#include "base/failure.hpp"
#include "platform/problem.hpp"

namespace sidecar
{

struct ErrorMeaning {
    std::string_view sqlstate; // or how it begins
    int status;
    const char *title;
    int retry_after = 0;              // seconds; 0: none
    const char *hint = nullptr;       // said instead of the server's
    const char *constraint = nullptr; // the row is for this constraint alone
    const char *detail = nullptr;     // said instead of the server's message
};

// The first row that fits decides; without one it is 500, "internal".
using ErrorTable = std::span<const ErrorMeaning>;

// The table of the use cases, which REST and MCP answer by. The login is the sidecar's own there,
// so that a right that is missing is the operator's to give.
extern const ErrorTable use_case_errors;

// The problem that a failure of the database is, by a table. A failure without an SQLSTATE is one
// of the connection, whose text is fit for callers (Database).
Problem problem_of(const Failure &failure, ErrorTable table);

// Runs body; what the database refuses in it is thrown as the Problem that the table makes of it.
template <typename Body>
auto
answering_by(ErrorTable table, Body body)
{
    try {
        return body();
    } catch (const Failure &failure) {
        throw problem_of(failure, table);
    }
}

} // namespace sidecar
