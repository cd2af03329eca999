// The manual pages of appinfrad: appinfrad(8) but for its commands, each of which prints its own
// part (COMMAND --manual), and appinfrad.conf(5). tools/manuals.sh puts them together at build
// time.
#pragma once

#include <string>

namespace sidecar
{

// What `appinfrad --manual`, --manual=file and --manual=commands print: the head of the one page,
// the other page, the names of the commands, a line each; "" for any other word.
std::string manual_part(const std::string &argument);

} // namespace sidecar
