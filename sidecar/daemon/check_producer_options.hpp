// The options of check-producer. They are rows of the daemon's tables, so that it reads the file of
// options that `serve` reads, and sends as that would.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "daemon/options.hpp"

namespace sidecar
{

struct CheckProducerOptions {
    std::string app_id; // whose variables it sets and unsets
    bool yes = false;   // it does not ask
    std::string url;    // of the producer
    std::string path;
    std::string ca_file;
    bool allow_plaintext = false;
    Secret token;
    Duration connect_timeout{};
    Duration call_timeout{};
};

// Returns the options, or the text of --help; arguments begin with the command. Throws a
// configuration Failure when they are wrong.
std::variant<CheckProducerOptions, std::string>
read_check_producer_options(const std::vector<std::string> &arguments,
                            const InheritedSecrets &inherited);

// Runs the command; returns its exit code.
int run_check_producer(const std::vector<std::string> &arguments);

} // namespace sidecar
