// What a statement's error means to the caller of /v1: the table of status and title by SQLSTATE.
#pragma once

#include <string>
#include <string_view>

#include "platform/problem.hpp"

namespace sidecar::gateway
{

// What PostgreSQL said, for the workspace itself, which may see all of it.
struct SqlError {
    std::string sqlstate;
    std::string message;
    std::string detail;
    std::string hint;
    std::string routine; // tells apart what shares an SQLSTATE
};

// Whether the statement needs to run outside a transaction.
bool needs_no_transaction(const SqlError &error);

// Returns the Problem the error stands for.
Problem problem_of(const SqlError &error);

// A Problem of ours that asks the client to try again soon.
Problem unavailable(std::string title, std::string detail);

// Whether an answer with this status and title is kept for repetitions with the same key.
bool is_kept(int status, std::string_view title);

} // namespace sidecar::gateway
