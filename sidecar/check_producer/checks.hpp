// The checks of a producer: what each expects, and what helps where it fails. docs/producer.md has
// the same list. Each looks at one rule of the contract, as far as the others are kept.
#pragma once

#include <span>
#include <string>

#include "check_producer/trial.hpp"

namespace sidecar
{

struct ProducerCheck {
    const char *name;
    const char *expected; // what a producer does
    const char *needs;    // the checks without which it says nothing, separated by blanks
    const char *remedy;
    std::string (*run)(Trial &trial); // returns what was seen instead; empty: it is ok
};

// All checks, in the order in which they are run. The first says whether there is a producer, the
// last unsets what the others have set.
std::span<const ProducerCheck> producer_checks();

} // namespace sidecar
