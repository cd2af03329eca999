// The queue in PostgreSQL: the functions of schema appinfra, called over two connections. One
// claims and listens; the other extends and reports, so that a claim that takes long (it mints
// passwords) never keeps a lease from being extended.
#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <string>

#include <poll.h>

#include "delivery/queue.hpp"
#include "postgres/async_connection.hpp"

namespace sidecar
{

struct PgQueueSettings {
    std::shared_ptr<const Conninfo> conninfo;
    std::string worker;         // who claims, for the views
    Duration statement_timeout; // in the server; here it is that and 5 s more
    Duration max_reconnect;
};

class PgQueue final : public Queue
{
public:
    PgQueue(const PgQueueSettings &settings, const Clock &clock, Log &log);

    bool connected() const override;
    void claim(const std::string &producer, int batch, Duration lease,
               Answer<std::vector<Publication>> done) override;
    void extend(std::int64_t publication_id, const std::string &claim, Duration lease,
                Answer<bool> done) override;
    void report(const Report &report, Answer<Receipt> done) override;
    void record_key(std::int64_t publication_id, const std::string &claim,
                    const std::string &access_key, Answer<bool> done) override;

    // Moves both connections on and calls back.
    void pump();

    // Sends what has been asked for; says when pump() has to be called at the latest.
    TimePoint flush();

    // What to wait for.
    std::array<pollfd, 2> descriptors() const;

    // Whether the extension has notified, or the connection was made anew, since the last call.
    bool
    take_notified()
    {
        return claims_.take_notified();
    }
    bool take_connected();

    // Why the database cannot be used now, and how often in a row it could not.
    const std::optional<Failure> &last_failure() const;
    int
    failures() const
    {
        return std::max(claims_.failures(), reports_.failures());
    }

private:
    void overwrite_input(const Rows &rows);

    std::string worker_;
    AsyncConnection claims_;
    AsyncConnection reports_;
};

} // namespace sidecar
