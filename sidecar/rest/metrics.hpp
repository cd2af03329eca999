// What /metrics tells, in Prometheus' text format: requests as they are answered, and what the
// registry said when it was read last.
#pragma once

#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "base/call_tally.hpp"
#include "base/clock.hpp"
#include "platform/database.hpp"
#include "platform/pg_database.hpp"
#include "rest/snapshot.hpp"

namespace sidecar
{

class Metrics final : public Snapshot
{
public:
    Metrics(const Clock &clock, std::shared_ptr<DatabaseLogin> login);
    ~Metrics() override;

    // Counts a request; route is a path of the table, or "none".
    void answered(const std::string &route, const std::string &method, int status, double seconds);

    // What is told of the calls of the store; it must outlive this.
    void
    tell_of(const CallTally &store_calls)
    {
        store_calls_ = &store_calls;
    }

    // Also tells of each tenant what it uses.
    void
    tell_of_tenants()
    {
        tells_tenants_ = true;
    }

    // Sets how many connections are open.
    void connections(std::size_t open);

    Response response() override;
    Response late() override;

private:
    struct Families;
    void read(Database &database) override;
    void read_registry(Database &database);
    void read_buckets(Database &database);
    void read_usage(Database &database);
    void read_tenants(Database &database);
    void count_store_calls();

    std::mutex mutex_; // of the counters that follow others
    std::unique_ptr<Families> families_;
    std::shared_ptr<DatabaseLogin> login_;
    std::int64_t last_refusal_ = 0;
    const CallTally *store_calls_ = nullptr;
    bool tells_tenants_ = false;
    std::set<std::string> told_tenants_;
};

} // namespace sidecar
