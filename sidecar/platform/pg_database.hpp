// One libpq connection that answers queries, one at a time, for the thread that owns it. It
// connects when it is first needed and again when it broke. While the database cannot be reached,
// everyone shares one attempt a second, so that an outage answers quickly.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <set>
#include <string>

#include "base/clock.hpp"
#include "platform/database.hpp"
#include "platform/problem.hpp"
#include "postgres/connector.hpp"

namespace sidecar
{

// What the connections of one pool have in common.
struct PgShared {
    std::shared_ptr<const Conninfo> conninfo;
    Duration statement_timeout{};
    std::atomic<std::int64_t> broken{0};         // connections, each made anew when it is needed
    std::atomic<std::int64_t> failures{0};       // connects that did not
    std::atomic<Duration::rep> try_at{0};        // steady time; earlier nobody connects
    std::function<void(const Failure &)> failed; // told of a connect that failed, in any thread
};

class PgDatabase final : public Database
{
public:
    explicit PgDatabase(std::shared_ptr<PgShared> shared) : shared_(std::move(shared))
    {
    }

    std::optional<std::string> value(const Query &query, const Parameters &parameters) override;
    void begin() override;
    void commit() override;
    void act_for(const std::string &user) override;

    // Ends what a job has left: a transaction, a broken connection.
    void tidy();

private:
    void need_connection();
    bool usable();
    void drop();
    void command(const char *sql);
    std::optional<std::string> ask(const Query &query, const Parameters &parameters);
    void prepare(const Query &query);
    [[noreturn]] void fail(const PGresult *rows);

    std::shared_ptr<PgShared> shared_;
    Connection connection_;
    std::set<std::string> prepared_;
    std::string acting_for_;
};

} // namespace sidecar
