// Checks an audit log against its seals, and the seals against heads that were collected outside.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "audit/seal.hpp"
#include "audit/seal_heads.hpp"

namespace sidecar
{

// An audit log as it is now, all of it as of one moment.
class AuditLog
{
public:
    virtual ~AuditLog() = default;

    virtual std::string host_id() = 0;

    // All seals, by number.
    virtual std::vector<Seal> seals() = 0;

    // Hands over the rows above one id up to another, in order, each as a JSON array.
    virtual void rows(std::int64_t after_id, std::int64_t last_id,
                      const std::function<void(std::string_view json)> &take) = 0;

    // Up to which id retention has removed batches; 0: none.
    virtual std::int64_t removed_through() = 0;
};

struct AuditReport {
    std::vector<std::string> violations;
    std::size_t seals = 0;
    std::int64_t rows = 0;         // found, in sealed batches
    std::int64_t removed = 0;      // by retention
    std::int64_t unsealed = 0;     // above the newest seal
    std::size_t heads = 0;         // of this host
    std::size_t foreign_heads = 0; // of others
    std::size_t accepted = 0;      // are not there, and somebody has accepted that
    std::vector<Head> lost;        // are not there, and nobody has
};

AuditReport check_audit(AuditLog &log, const std::vector<Head> &heads);

} // namespace sidecar
