// What check-env says in the end: lines for a person, one JSON document for a machine.
#pragma once

#include <string>

#include "check_env/contract.hpp"

namespace sidecar
{

struct EnvReport {
    Lane lane = Lane::runtime;
    Checked checked;
    bool asked_server = false; // the rules that need --database were checked as well
    std::string error;         // why it could not check everything; empty when it could

    // 0: the environment is in order, 1: there are violations, 2: it could not check.
    int exit_code() const;
};

// What goes to standard output: a line per finding; when all is well also one per variable, with
// user, host, port and database.
std::string text_of(const EnvReport &report);

// The same as a JSON object on one line; docs/check-env.md describes it.
std::string json_of(const EnvReport &report);

} // namespace sidecar
