// The command line of `appinfrad doctor`: the options of the sidecar that are to be looked at. What
// no flag or variable says comes from the unit of the service, so that it is looked at as it runs.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "daemon/options.hpp"
#include "doctor/doctor.hpp"

namespace sidecar
{

// Returns what is to be looked at, or the text of --help. What is wrong with options, or in the
// files that they name, is a part of it.
std::variant<DoctorSettings, std::string>
read_doctor_options(const std::vector<std::string> &arguments, const InheritedSecrets &inherited);

} // namespace sidecar
