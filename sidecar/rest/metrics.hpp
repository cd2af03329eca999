// What /metrics tells, in Prometheus' text format: requests as they are answered, and what the
// registry says, which is asked at most once in five seconds, however often somebody scrapes.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "base/clock.hpp"
#include "base/service_status.hpp"
#include "platform/database.hpp"
#include "platform/pg_database.hpp"

namespace sidecar
{

class Metrics
{
public:
    explicit Metrics(std::shared_ptr<DatabaseLogin> login);
    ~Metrics();
    Metrics(const Metrics &) = delete;
    Metrics &operator=(const Metrics &) = delete;

    // Counts a request; route is a path of the table, or "none".
    void answered(const std::string &route, const std::string &method, int status, double seconds);

    // Sets how many connections are open.
    void connections(std::size_t open);

    // The text. Without the registry's part when the database does not answer.
    std::string scrape(Database &database, TimePoint now);

private:
    struct Families;
    void read_registry(Database &database);

    std::mutex mutex_;
    std::unique_ptr<Families> families_;
    std::shared_ptr<DatabaseLogin> login_;
    TimePoint registry_read_{};
    std::int64_t last_refusal_ = 0;
};

} // namespace sidecar
