// What check-env says in the end: lines for a person, one JSON document for a machine.
#pragma once

#include <string>
#include <vector>

#include "check_env/contract.hpp"

namespace sidecar
{

struct EnvReport {
    std::string service; // of a compose file; empty when there is none
    Lane lane = Lane::runtime;
    Container container = Container::any;
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

// What was found in a compose file, service by service.
struct ComposeReport {
    std::vector<EnvReport> services;
    std::string error; // why it could not check everything

    int exit_code() const;
};

std::string text_of(const ComposeReport &report);
std::string json_of(const ComposeReport &report);

} // namespace sidecar
