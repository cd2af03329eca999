// The command audit: the log as JSON lines, for a collector. See commands.hpp.
// Only sealed rows are written: below the newest seal no row appears any more, so that what was
// written is complete, however late a transaction commits.
#include "audit/commands.hpp"

#include <algorithm>
#include <chrono>
#include <limits>
#include <optional>
#include <thread>
#include <utility>

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
          since_(options.since), writes_seals_(options.seals)
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
        Rows seals;
        if (writes_seals_ && count > 0)
            seals = seals_up_to(std::string(text_at(rows, count - 1, 0)));
        int seal = 0;
        for (int row = 0; row < count; row++) {
            seal = write_seals(seals, seal, number_at(rows, row, 0));
            io_.out << text_at(rows, row, 1) << '\n';
        }
        if (count > 0) // what is left takes in no row
            write_seals(seals, seal, std::numeric_limits<std::int64_t>::max());
        io_.out << std::flush;
        if (count > 0)
            after_ = text_at(rows, count - 1, 0);
        return count;
    }

    // Reads the seals of the rows that come next, up to an id, without those that were written. A
    // seal that takes in no row goes with the row before it, and one that was made late, of what is
    // written already, comes first.
    Rows
    seals_up_to(const std::string &last_id)
    {
        return connection_->query(
            "SELECT json_build_object('seal', json_build_object('number', number,"
            "         'previous', previous, 'after_id', after_id, 'last_id', last_id, 'rows', rows,"
            "         'sealed_at', (extract(epoch FROM sealed_at) * 1000000)::bigint,"
            "         'hash', hash)), last_id, number, after_id"
            "  FROM appinfra.audit_seals"
            " WHERE CASE WHEN last_id > $1 THEN (last_id, number) > ($3::bigint, $4::bigint)"
            "            ELSE $5::bigint > 0 AND number > $5::bigint END"
            "   AND (after_id < $2 OR last_id <= $2) ORDER BY last_id, number",
            {after_, last_id, std::to_string(last_seal_.first), std::to_string(last_seal_.second),
             std::to_string(newest_seal_)});
    }

    // Writes the seals from one on that begin before a row, and returns the next one.
    int
    write_seals(const Rows &seals, int seal, std::int64_t id)
    {
        for (; seal < PQntuples(seals.get()) && number_at(seals, seal, 3) < id; seal++) {
            io_.out << text_at(seals, seal, 0) << '\n';
            const std::int64_t number = number_at(seals, seal, 2);
            last_seal_ = std::max(last_seal_, {number_at(seals, seal, 1), number});
            newest_seal_ = std::max(newest_seal_, number);
        }
        return seal;
    }

    Conninfo conninfo_;
    CommandIo io_;
    std::string since_;
    bool writes_seals_;
    std::pair<std::int64_t, std::int64_t> last_seal_{}; // last_id and number: written up to it
    std::int64_t newest_seal_ = 0;                      // the highest number that was written
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
