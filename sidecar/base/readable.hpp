// Why a file that somebody named cannot be read. A file that is not there and one that this process
// may not read are different mistakes: the second is made by whoever installs a service whose user
// is another than the one who wrote the file.
#pragma once

#include <string>

namespace sidecar
{

// Returns what an errno says of a path, and what to do where that is not plain.
std::string unreadable(int error);

// Throws a configuration Failure that begins with name ("CA file"), unless the path can be read.
void check_readable(const std::string &name, const std::string &path);

} // namespace sidecar
