// What /readyz tells: whether the sidecar can do its work, and what keeps it from it.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "base/service_status.hpp"
#include "rest/snapshot.hpp"

namespace sidecar
{

class Readiness final : public Snapshot
{
public:
    Readiness(const Clock &clock, const ServiceStatus &status) : Snapshot(clock), status_(status)
    {
    }

    Response response() override;
    Response late() override;

private:
    void read(Database &database) override;
    Response answer(std::vector<std::string> reasons) const;

    const ServiceStatus &status_;
    std::mutex mutex_;
    std::vector<std::string> reasons_; // of the database
};

} // namespace sidecar
