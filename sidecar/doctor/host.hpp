// The PostgreSQL host, as the extension's host_facts() tells of it: judged without asking anybody,
// so that a test can put any state before it.
#pragma once

#include <string>

#include "base/json.hpp"
#include "doctor/results.hpp"

namespace sidecar
{

// Judges preload, guard, public name, addresses, pg_hba.conf, certificate, pool and recovery.
void judge_host(const Json &facts, CheckResults &results);

// Judges whether the guard enforces, observes or is off.
void judge_guard(const std::string &guard, CheckResults &results);

// Judges the server's clock by ours before and after it was asked, all in seconds since 1970.
void judge_clock(double server, double before, double after, CheckResults &results);

} // namespace sidecar
