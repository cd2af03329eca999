// The commands that read the audit log.
#pragma once

#include <istream>
#include <ostream>
#include <string>
#include <vector>

namespace sidecar
{

// What the commands read and write, so that tests can look at it.
struct AuditWorld {
    std::istream &in;
    std::ostream &out;
    std::ostream &err;
};

// Checks the log; returns the exit code: 0 in order, 1 changed, 2 it could not check.
int verify_audit(const std::vector<std::string> &arguments, AuditWorld world) noexcept;

// Writes the log as JSON lines; returns the exit code: 0 done, 2 it could not read.
int export_audit(const std::vector<std::string> &arguments, AuditWorld world) noexcept;

} // namespace sidecar
