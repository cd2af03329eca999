// What the process does about itself: no core dumps, no reading by others, and no secret left in
// the environment it was started with.
#pragma once

#include <string>
#include <vector>

#include "base/secret.hpp"

namespace sidecar
{

// Turns core dumps and ptrace by others off, and ignores SIGPIPE.
void harden_process();

// Takes a variable out of the environment; the original bytes, which /proc/self/environ shows, are
// overwritten. Empty when it is not set.
Secret take_from_environment(const char *name);

// The secret in a file without the newline at its end. Throws a configuration Failure that names
// the file and quotes nothing of it.
Secret secret_from_file(const std::string &path);

} // namespace sidecar
