// See export_check.hpp.
#include "audit/export_check.hpp"

#include "base/failure.hpp"

namespace sidecar
{
namespace
{

std::string
rows_of(const Seal &seal)
{
    return "rows " + std::to_string(seal.after_id + 1) + " to " + std::to_string(seal.last_id);
}

std::string
name_of(const Seal &seal)
{
    return "seal " + std::to_string(seal.number);
}

} // namespace

ExportCheck::ExportCheck(const std::vector<Seal> &of_server, std::vector<Head> heads,
                         std::function<bool(const std::string &time)> is_after)
    : is_after_(std::move(is_after)), wanted_(!heads.empty())
{
    for (const Seal &seal : of_server) {
        know(seal);
        of_server_.insert(seal.number);
    }
    for (const Head &head : heads)
        if (head.is_accepted)
            accepted_.insert(head.number);
        else
            heads_.emplace(head.number, head);
    for (const auto &[number, head] : heads_)
        derive(head);
}

void
ExportCheck::add_seal(const Seal &seal)
{
    wanted_ = true;
    if (const auto head = heads_.find(seal.number);
        head != heads_.end() && head->second.hash != seal.hash)
        refuse(name_of(seal) + " of the export (" + rows_of(seal) +
               ") is not the one that was collected outside");
    if (of_server_.contains(seal.number) && seals_.at(seal.number).hash != seal.hash)
        refuse(name_of(seal) + " of the export (" + rows_of(seal) +
               ") is not the one of this server");
    know(seal);
}

void
ExportCheck::add_row(std::int64_t id, const std::string &time, const std::string &json)
{
    const Seal *seal = covering(id);
    if (batch_ && batch_->seal != seal)
        close();
    const bool is_first = rows_++ == 0;
    if (seal == nullptr) {
        uncovered(id, time);
        return;
    }
    if (!batch_)
        open(*seal, is_first);
    batch_->rows++;
    if (batch_->hash)
        batch_->hash->add_row(json);
    else
        batch_->waiting.push_back(json);
    if (batch_->is_first || !batch_->hash)
        batch_->times.emplace_back(id, time);
}

void
ExportCheck::finish()
{
    if (batch_)
        close();
    for (Batch &batch : std::exchange(early_, {}))
        compare_early(batch);
    for (const auto &[number, seal] : seals_)
        if (seal.rows > 0 && !of_server_.contains(number) && !accepted_.contains(number) &&
            !verified_.contains(number))
            refuse(rows_of(seal) + ", which " + name_of(seal) +
                   " takes in, are missing in the export, all or some of them");
    for (const auto &[number, head] : heads_)
        if (!seals_.contains(number) && !accepted_.contains(number))
            refuse("seal " + std::to_string(number) +
                   " was collected outside, and the export does not have it");
    for (const auto &[number, seal] : seals_)
        if (seal.rows == 0 && !of_server_.contains(number) && !accepted_.contains(number))
            check_empty(seal);
}

// Compares a seal that takes in no row with those before it: later ones rely on it, too.
void
ExportCheck::check_empty(const Seal &seal) const
{
    const auto previous = hashes_before(seal);
    if (!previous || SealHash(seal, *previous).finish() != seal.hash)
        refuse(name_of(seal) + " of the export, which takes in no row, does not fit the seals "
                               "before it, or they are not known");
}

// Makes of a head that nobody else has the seal that it is if it follows the one before it. Where
// it does not, its hash does not fit, unless the export has the seals between.
void
ExportCheck::derive(const Head &head)
{
    if (const auto known = seals_.find(head.number); known != seals_.end()) {
        if (known->second.hash != head.hash)
            refuse(name_of(known->second) +
                   " of this server is not the one that was collected outside");
        return;
    }
    const auto next = seals_.upper_bound(head.number);
    if (head.last_id == 0 || next == seals_.begin())
        return;
    const Seal &before = std::prev(next)->second;
    know({head.number,
          {before.number},
          before.last_id,
          head.last_id,
          head.rows,
          head.sealed_at,
          head.hash});
}

// Remembers a seal; what is known of it already gives way.
void
ExportCheck::know(const Seal &seal)
{
    seals_[seal.number] = seal;
    if (seal.rows > 0)
        ends_[seal.last_id] = seal.number;
}

// The seal that takes in a row; null: none that is known.
const Seal *
ExportCheck::covering(std::int64_t id) const
{
    const auto end = ends_.lower_bound(id);
    if (end == ends_.end())
        return nullptr;
    const Seal &seal = seals_.at(end->second);
    return seal.after_id < id ? &seal : nullptr;
}

// The hashes of the seals before it; nothing when one is not known.
std::optional<std::vector<std::string>>
ExportCheck::hashes_before(const Seal &seal) const
{
    std::vector<std::string> hashes;
    for (const std::int64_t number : seal.previous) {
        const auto found = seals_.find(number);
        if (found == seals_.end())
            return std::nullopt;
        hashes.push_back(found->second.hash);
    }
    return hashes;
}

// Begins the batch of a seal. Its hash begins with those of the seals before it.
void
ExportCheck::open(const Seal &seal, bool is_first)
{
    batch_.emplace(Batch{&seal, std::nullopt, 0, is_first, {}, {}});
    if (const auto previous = hashes_before(seal))
        batch_->hash.emplace(seal, *previous);
}

// Compares a batch that has ended with its seal, or keeps it while seals before it are to come.
void
ExportCheck::close()
{
    Batch batch = std::move(*batch_);
    batch_.reset();
    if (batch.hash)
        compare(batch);
    else
        early_.push_back(std::move(batch));
}

// Compares a batch that came before a seal that its own follows, now that all seals are known.
void
ExportCheck::compare_early(Batch &batch)
{
    const auto previous = hashes_before(*batch.seal);
    if (!previous) {
        for (const auto &[id, time] : batch.times)
            uncovered(id, time);
        return;
    }
    batch.hash.emplace(*batch.seal, *previous);
    for (const std::string &json : batch.waiting)
        batch.hash->add_row(json);
    compare(batch);
}

// Compares a batch with its seal.
void
ExportCheck::compare(Batch &batch)
{
    const Seal &seal = *batch.seal;
    if (batch.rows == seal.rows && batch.hash->finish() == seal.hash) {
        verified_.insert(seal.number);
        return;
    }
    if (batch.is_first && batch.rows < seal.rows && of_server_.contains(seal.number)) {
        for (const auto &[id, time] : batch.times)
            uncovered(id, time);
        return;
    }
    std::string what = "one of them was changed, or seals before it are not known";
    if (batch.rows != seal.rows)
        what = std::to_string(seal.rows) + " were sealed, and " + std::to_string(batch.rows) +
               " are there";
    refuse(rows_of(seal) + " of the export do not fit " + name_of(seal) + ": " + what);
}

// Refuses a row that no seal vouches for, unless nothing comes of it.
void
ExportCheck::uncovered(std::int64_t id, const std::string &time) const
{
    if (is_after_(time))
        refuse("row " + std::to_string(id) +
               " of the export is in no seal that can be checked: was it inserted? An export of "
               "all rows with --seals has every seal");
}

} // namespace sidecar
