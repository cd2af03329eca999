// The checks of what a producer does with versions: it is what makes a late request harmless.
// Each returns what was seen instead of what it expects; empty: it is ok.
#pragma once

#include <string>

#include "check_producer/trial.hpp"

namespace sidecar
{

// What was seen, unless an outcome is the one that is expected.
std::string seen_unless(const Trial &trial, const Outcome &outcome, Verdict expected);

std::string check_repetition(Trial &trial);
std::string check_equal_version(Trial &trial);
std::string check_lower_version(Trial &trial);
std::string check_refused_unchanged(Trial &trial);
std::string check_names_apart(Trial &trial);
std::string check_targets_apart(Trial &trial);
std::string check_whole_request(Trial &trial);
std::string check_unset(Trial &trial);
std::string check_unset_version(Trial &trial);

} // namespace sidecar
