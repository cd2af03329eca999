// `appinfrad check-producer`: tries what a producer must do. It sets and unsets variables
// APPINFRA_CHECK_... of one app only, and unsets them in the end, also when it is interrupted.
#pragma once

#include <string>

#include "base/command_io.hpp"
#include "check_producer/trial.hpp"

namespace sidecar
{

// What the apps of this command begin with.
inline constexpr const char *checked_app_prefix = "appinfra-check-";

// Asks whether it may begin; true when the answer is yes.
bool ask_to_check(const std::string &url, const std::string &app_id, const CommandIo &io);

// Runs all checks, a line for each. Returns the exit code: 0 all are ok, 1 at least one has failed,
// 2 it could not check, 3 something may be left.
int check_producer(CheckedProducer &producer, TrialSettings settings, const CommandIo &io);

} // namespace sidecar
