// See check.hpp.
#include "audit/check.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <set>

namespace sidecar
{
namespace
{

using ByNumber = std::map<std::int64_t, const Seal *>;

std::string
name_of(const Seal &seal)
{
    return "seal " + std::to_string(seal.number) + " (rows " + std::to_string(seal.after_id + 1) +
           " to " + std::to_string(seal.last_id) + ")";
}

class Check
{
public:
    Check(AuditLog &log, std::vector<Seal> seals)
        : log_(log), seals_(std::move(seals)), removed_through_(log.removed_through())
    {
        for (const Seal &seal : seals_)
            by_number_[seal.number] = &seal;
        report_.seals = seals_.size();
    }

    AuditReport
    run(const std::vector<Head> &heads)
    {
        check_order();
        check_ranges();
        for (const Seal &seal : seals_)
            check_rows(seal);
        check_heads(heads);
        return report_;
    }

private:
    // Each seal but the newest is followed by another, and follows only seals that are there.
    void
    check_order()
    {
        std::set<std::int64_t> followed;
        for (const Seal &seal : seals_)
            for (const std::int64_t number : seal.previous) {
                followed.insert(number);
                if (!by_number_.contains(number))
                    complain(name_of(seal) + " follows seal " + std::to_string(number) +
                             ", which is gone");
            }
        for (const Seal &seal : seals_)
            if (!followed.contains(seal.number) && &seal != &seals_.back())
                complain(name_of(seal) + " is followed by none, though it is not the newest");
    }

    // No row is in two seals, and between two there is none.
    void
    check_ranges()
    {
        std::vector<const Seal *> ordered;
        for (const Seal &seal : seals_)
            ordered.push_back(&seal);
        std::stable_sort(ordered.begin(), ordered.end(),
                         [](const Seal *a, const Seal *b) { return a->last_id < b->last_id; });
        std::int64_t before = 0;
        for (const Seal *seal : ordered) {
            if (seal->after_id < before)
                complain(name_of(*seal) + " takes in rows of another seal");
            else if (count(before, seal->after_id) > 0)
                complain("rows above " + std::to_string(before) + " and below " +
                         std::to_string(seal->after_id + 1) + " are in no seal");
            before = std::max(before, seal->last_id);
        }
        report_.unsealed = count(before, std::numeric_limits<std::int64_t>::max());
    }

    std::int64_t
    count(std::int64_t after_id, std::int64_t last_id)
    {
        std::int64_t rows = 0;
        if (after_id < last_id)
            log_.rows(after_id, last_id, [&](std::string_view) { rows++; });
        return rows;
    }

    void
    check_rows(const Seal &seal)
    {
        std::vector<std::string> previous;
        for (const std::int64_t number : seal.previous)
            if (const auto found = by_number_.find(number); found != by_number_.end())
                previous.push_back(found->second->hash);
        SealHash hash(seal, previous);
        std::int64_t rows = 0;
        log_.rows(seal.after_id, seal.last_id, [&](std::string_view json) {
            hash.add_row(json);
            rows++;
        });
        report_.rows += rows;
        if (rows == 0 && seal.rows > 0 && seal.last_id <= removed_through_)
            report_.removed += seal.rows;
        else if (hash.finish() != seal.hash)
            complain(name_of(seal) + " does not fit its rows: it was made of " +
                     std::to_string(seal.rows) + ", and " + std::to_string(rows) + " are there");
    }

    void
    check_heads(const std::vector<Head> &heads)
    {
        const std::string host = log_.host_id();
        std::set<std::pair<std::int64_t, std::string>> accepted;
        for (const Head &head : heads)
            if (head.is_accepted)
                accepted.emplace(head.number, head.hash);
        for (const Head &head : heads) {
            if (head.is_accepted)
                continue;
            if (!head.host.empty() && head.host != host) {
                report_.foreign_heads++;
                continue;
            }
            report_.heads++;
            const auto found = by_number_.find(head.number);
            if (found == by_number_.end() && accepted.contains({head.number, head.hash}))
                report_.accepted++;
            else if (found == by_number_.end())
                lose(head);
            else if (found->second->hash != head.hash)
                complain(name_of(*found->second) + " is not the one that was collected outside");
        }
    }

    void
    lose(const Head &head)
    {
        complain("seal " + std::to_string(head.number) +
                 " was collected outside, and is not there");
        report_.lost.push_back(head);
    }

    void
    complain(std::string what)
    {
        if (std::find(report_.violations.begin(), report_.violations.end(), what) ==
            report_.violations.end())
            report_.violations.push_back(std::move(what));
    }

    AuditLog &log_;
    std::vector<Seal> seals_;
    ByNumber by_number_;
    std::int64_t removed_through_;
    AuditReport report_;
};

} // namespace

AuditReport
check_audit(AuditLog &log, const std::vector<Head> &heads)
{
    return Check(log, log.seals()).run(heads);
}

} // namespace sidecar
