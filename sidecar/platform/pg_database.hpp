// A database of one login that answers queries, one at a time, for the thread that owns it. It
// connects when it is first needed and again when it broke. While the database cannot be reached,
// all that share the login share one attempt a second, so that an outage answers quickly.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "platform/database.hpp"
#include "postgres/blocking_connection.hpp"

namespace sidecar
{

// Who logs in where, and what the connections of this login have in common.
struct DatabaseLogin {
    std::shared_ptr<const Conninfo> conninfo;
    Duration statement_timeout{};                // in the server; here it is that and 5 s more
    std::atomic<std::int64_t> broken{0};         // connections, each made anew when it is needed
    std::atomic<std::int64_t> failures{0};       // connects that did not
    std::atomic<Duration::rep> try_at{0};        // steady time; earlier nobody connects
    std::function<void(const Failure &)> failed; // told of a connect that failed, in any thread
};

class PgDatabase final : public Database
{
public:
    explicit PgDatabase(std::shared_ptr<DatabaseLogin> login) : login_(std::move(login))
    {
    }

    std::optional<std::string> value(const Query &query, const Parameters &parameters) override;
    void begin() override;
    void commit() override;
    void act_for(const std::string &user) override;
    void tidy() override;

private:
    void need_connection();
    void connect();
    void drop();
    std::optional<std::string> ask(const Query &query, const Parameters &parameters);
    template <typename Body> Rows on_connection(Body body);
    [[noreturn]] void refuse(const Failure &failure);

    std::shared_ptr<DatabaseLogin> login_;
    std::optional<BlockingConnection> connection_;
};

} // namespace sidecar
