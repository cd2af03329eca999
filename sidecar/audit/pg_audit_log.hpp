// The audit log of a real server, read by any login that is a member of appinfra_auditor.
#pragma once

#include "audit/check.hpp"
#include "postgres/blocking_connection.hpp"

namespace sidecar
{

// Connects for reading the log; a standby is as good as any. Throws a Failure without the password
// in its text.
BlockingConnection connect_to_audit_log(const Conninfo &conninfo);

class PgAuditLog final : public AuditLog
{
public:
    // Reads through the connection, as of one moment from now on.
    explicit PgAuditLog(BlockingConnection &connection);

    std::string host_id() override;
    std::vector<Seal> seals() override;
    void rows(std::int64_t after_id, std::int64_t last_id,
              const std::function<void(std::string_view json)> &take) override;
    std::int64_t removed_through() override;

private:
    BlockingConnection &connection_;
};

} // namespace sidecar
