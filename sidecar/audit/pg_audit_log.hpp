// The audit log of a real server, read by any login that is a member of appinfra_auditor.
#pragma once

#include "audit/check.hpp"
#include "postgres/audit_link.hpp"

namespace sidecar
{

class PgAuditLog final : public AuditLog
{
public:
    // Reads through link, as of one moment from now on.
    explicit PgAuditLog(AuditLink &link);

    std::string host_id() override;
    std::vector<Seal> seals() override;
    void rows(std::int64_t after_id, std::int64_t last_id,
              const std::function<void(std::string_view json)> &take) override;
    std::int64_t removed_through() override;

private:
    AuditLink &link_;
};

} // namespace sidecar
