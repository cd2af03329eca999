// Of what this program was built. It is compiled by itself, because it is another with each commit.
#pragma once

#include <string>

namespace sidecar::gateway
{

// What this program is, as JSON: version, commit, build_date.
std::string build_json();

} // namespace sidecar::gateway
