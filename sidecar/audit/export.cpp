// The command audit: the log as JSON lines, for a collector. See commands.hpp.
// Only sealed rows are written: below the newest seal no row appears any more, so that what was
// written is complete, however late a transaction commits.
#include "audit/commands.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <thread>

#include "audit/options.hpp"
#include "audit/pg_audit_log.hpp"
#include "audit/replay_command.hpp"
#include "base/failure.hpp"
#include "base/text.hpp"

namespace sidecar
{
namespace
{

constexpr int rows_at_once = 1000;
constexpr std::chrono::seconds pause(1);
constexpr std::chrono::seconds reconnect_pause(5);

class Export
{
public:
    Export(const AuditOptions &options, const CommandIo &io)
        : conninfo_(options.database.reveal(), options.database_password.reveal(), "any"), io_(io),
          since_(options.since)
    {
        if (!since_.empty() && std::all_of(since_.begin(), since_.end(),
                                           [](char c) { return c >= '0' && c <= '9'; })) {
            after_ = since_;
            since_.clear();
        }
    }

    // Writes what there is; with follow it comes back only when nobody reads any more.
    void
    run(bool follow)
    {
        connect();
        while (true) {
            const int written = write_rows(follow);
            if (!io_.out || (written == 0 && !follow))
                return;
            if (written < rows_at_once)
                std::this_thread::sleep_for(pause);
        }
    }

private:
    void
    connect()
    {
        connection_ = connect_to_audit_log(conninfo_);
        if (!since_.empty() && after_ == "0")
            find_beginning();
    }

    // Finds an id below all rows since then. Ids and times are not quite in the same order.
    void
    find_beginning()
    {
        const Rows rows = connection_->query(
            "SELECT coalesce(min(r.id) - 1, (SELECT max(last_id) FROM appinfra.audit_seals), 0)"
            "  FROM (VALUES ('done'), ('refused'), ('failed')) o (outcome)"
            " CROSS JOIN LATERAL (SELECT id FROM appinfra.audit a WHERE a.outcome = o.outcome"
            "   AND time >= $1::timestamptz ORDER BY time LIMIT 1000) r",
            {since_});
        after_ = text_at(rows, 0, 0);
    }

    // Writes the next rows and says how many; a lost connection is made anew when following.
    int
    write_rows(bool follow)
    {
        try {
            if (!connection_)
                connect();
            return write_batch();
        } catch (const Failure &failure) {
            if (!follow || failure.kind() != Failure::Kind::retry)
                throw;
            io_.err << "appinfrad audit: " << clean_text(failure.what()) << std::endl;
            connection_.reset();
            std::this_thread::sleep_for(reconnect_pause);
            return 0;
        }
    }

    int
    write_batch()
    {
        const Rows rows = connection_->query(
            "SELECT id, row_to_json(a) FROM appinfra.audit a WHERE id > $1"
            "   AND id <= (SELECT max(last_id) FROM appinfra.audit_seals)"
            "   AND ($2 = '' OR time >= nullif($2, '')::timestamptz) ORDER BY id LIMIT $3",
            {after_, since_, std::to_string(rows_at_once)});
        const int count = PQntuples(rows.get());
        for (int row = 0; row < count; row++)
            io_.out << text_at(rows, row, 1) << '\n';
        io_.out << std::flush;
        if (count > 0)
            after_ = text_at(rows, count - 1, 0);
        return count;
    }

    Conninfo conninfo_;
    CommandIo io_;
    std::string since_;
    std::string after_ = "0";
    std::optional<BlockingConnection> connection_;
};

int
run(const std::vector<std::string> &arguments, const CommandIo &io)
{
    const auto answer = read_audit_options("audit", arguments);
    if (const std::string *help = std::get_if<std::string>(&answer)) {
        io.out << *help << std::flush;
        return 0;
    }
    const AuditOptions &options = std::get<AuditOptions>(answer);
    if (options.replay)
        return replay_audit(options, io);
    Export(options, io).run(options.follow);
    return io.out ? 0 : 2;
}

} // namespace

int
export_audit(const std::vector<std::string> &arguments, CommandIo io) noexcept
{
    try {
        return run(arguments, io);
    } catch (const std::exception &error) {
        io.err << "appinfrad audit: " << clean_text(error.what()) << std::endl;
    }
    return 2;
}

} // namespace sidecar
