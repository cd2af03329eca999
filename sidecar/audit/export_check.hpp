// Checks an exported audit log, while it is read, against seals: those that it has itself, those of
// the restored server, and heads that were collected outside. A seal that this server does not have
// was lost by the restore; its rows are what is replayed, so they must all be there as they were.
// Pure: it knows no server.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "audit/seal.hpp"
#include "audit/seal_heads.hpp"

namespace sidecar
{

class ExportCheck
{
public:
    // The heads are this host's, with sealed_at in microseconds; is_after tells whether a row's
    // time is after the point. Every function throws a configuration Failure, which names the rows,
    // for what does not fit.
    ExportCheck(const std::vector<Seal> &of_server, std::vector<Head> heads,
                std::function<bool(const std::string &time)> is_after);

    // Says whether there is anything to check against: without, rows need not be handed over.
    bool
    wanted() const
    {
        return wanted_;
    }

    // Takes in a seal of the export. It stands before its rows; one that merges two ends of the
    // chain may stand before a seal that it follows.
    void add_seal(const Seal &seal);

    // Takes in the next row, as the JSON array that was sealed.
    void add_row(std::int64_t id, const std::string &time, const std::string &json);

    // Looks at what is missing in the end.
    void finish();

private:
    struct Batch {
        const Seal *seal;
        std::optional<SealHash> hash; // none while a seal that it follows is to come
        std::int64_t rows;
        bool is_first; // of the export, which may begin in the middle of it
        std::vector<std::pair<std::int64_t, std::string>> times; // in both cases: of its rows
        std::vector<std::string> waiting;                        // its rows while it has no hash
    };

    void derive(const Head &head);
    void check_empty(const Seal &seal) const;
    void know(const Seal &seal);
    const Seal *covering(std::int64_t id) const;
    std::optional<std::vector<std::string>> hashes_before(const Seal &seal) const;
    void open(const Seal &seal, bool is_first);
    void close();
    void compare_early(Batch &batch);
    void compare(Batch &batch);
    void uncovered(std::int64_t id, const std::string &time) const;

    std::map<std::int64_t, Seal> seals_;        // all that are known, by number
    std::map<std::int64_t, std::int64_t> ends_; // last_id of those with rows, and the number
    std::set<std::int64_t> of_server_;
    std::set<std::int64_t> accepted_;
    std::set<std::int64_t> verified_;
    std::map<std::int64_t, Head> heads_;
    std::function<bool(const std::string &time)> is_after_;
    std::optional<Batch> batch_;
    std::vector<Batch> early_; // they stand before a seal that their own follows
    std::int64_t rows_ = 0;
    bool wanted_;
};

} // namespace sidecar
