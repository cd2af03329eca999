// The producer, asked without anything being written: a request without variables, which no
// producer stores, for an app that nobody has. What is looked at is whether it answers, whether it
// takes the token, and its clock.
#pragma once

#include <string>

#include "base/clock.hpp"
#include "base/secret.hpp"
#include "doctor/results.hpp"

namespace sidecar
{

struct ProducerAccess {
    std::string url; // empty: there is none
    std::string path;
    std::string ca_file;
    bool allow_plaintext = false;
    Secret token;
    Duration connect_timeout{};
    Duration call_timeout{};
};

struct ProducerReply {
    long status = 0;
    long clock_ahead = 0; // seconds; of the producer's, when it says what time it is
};

// Judges what a producer answered to a request without variables.
void judge_producer(const ProducerReply &answer, CheckResults &results);

// Asks the producer and judges what it answers.
void look_at_producer(const ProducerAccess &access, CheckResults &results);

} // namespace sidecar
