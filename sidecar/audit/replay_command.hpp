// `appinfrad audit --replay`: does again, on a restored server, what its registry cannot know.
#pragma once

#include "audit/options.hpp"
#include "base/command_io.hpp"

namespace sidecar
{

// Prints what is to be done, or does it with options.apply. Returns the exit code: 0 nothing is
// left to do, 1 something is. Throws a Failure when it cannot tell.
int replay_audit(const AuditOptions &options, const CommandIo &io);

} // namespace sidecar
