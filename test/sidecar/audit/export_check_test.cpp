// What an ExportCheck finds in an export: rows are their ids, sealed in twos.
#include <gtest/gtest.h>

#include "audit/export_check.hpp"
#include "base/failure.hpp"

using namespace sidecar;

namespace
{

constexpr std::int64_t point = 4; // rows above it are after the point
constexpr std::int64_t last_row = 8;

std::string
array_of(std::int64_t id)
{
    return "[" + std::to_string(id) + "]";
}

// The seal of the rows above after_id, which follows others.
Seal
seal_after(const std::vector<Seal> &before, std::int64_t number, std::int64_t after_id,
           std::int64_t last_id)
{
    Seal seal{number, {}, after_id, last_id, last_id - after_id, number * 10, {}};
    std::vector<std::string> hashes;
    for (const Seal &one : before) {
        seal.previous.push_back(one.number);
        hashes.push_back(one.hash);
    }
    SealHash hash(seal, hashes);
    for (std::int64_t id = after_id + 1; id <= last_id; id++)
        hash.add_row(array_of(id));
    seal.hash = hash.finish();
    return seal;
}

// The seals of all rows, each after the one before it.
std::vector<Seal>
all_seals()
{
    std::vector<Seal> seals;
    for (std::int64_t id = 2; id <= last_row; id += 2)
        seals.push_back(seal_after(seals.empty() ? seals : std::vector<Seal>{seals.back()},
                                   id * 100, id - 2, id));
    return seals;
}

// The seals that the restored server has: those of the rows before the point.
std::vector<Seal>
server_seals()
{
    std::vector<Seal> seals = all_seals();
    seals.resize(2);
    return seals;
}

// All seals where a second chain begins above a gap: one seal merges both ends, in the gap that
// begins above row 4, and stands before the end that it follows.
std::vector<Seal>
merged_seals(std::int64_t gap_ends)
{
    std::vector<Seal> seals = server_seals();
    const Seal second = seal_after({}, 600, gap_ends, 7);
    const Seal merge = seal_after({second, seals.back()}, 700, 4, gap_ends);
    const Seal newest = seal_after({merge}, 800, 7, last_row);
    seals.insert(seals.end(), {merge, second, newest});
    return seals;
}

std::vector<Head>
all_heads()
{
    std::vector<Head> heads;
    for (const Seal &seal : all_seals())
        heads.push_back(
            {"host", seal.number, seal.hash, false, seal.last_id, seal.rows, "", seal.sealed_at});
    return heads;
}

struct ExportedRow {
    std::int64_t id;
    std::string json;
};

std::vector<ExportedRow>
all_rows()
{
    std::vector<ExportedRow> rows;
    for (std::int64_t id = 1; id <= last_row; id++)
        rows.push_back({id, array_of(id)});
    return rows;
}

// What the check says of an export with these seals, each before its rows; "" if it is in order.
std::string
verdict(const std::vector<ExportedRow> &rows, const std::vector<Seal> &seals,
        const std::vector<Head> &heads = {})
{
    try {
        ExportCheck check(server_seals(), heads,
                          [](const std::string &time) { return std::stoll(time) > point; });
        auto seal = seals.begin();
        for (const ExportedRow &row : rows) {
            for (; seal != seals.end() && seal->after_id < row.id; ++seal)
                check.add_seal(*seal);
            check.add_row(row.id, std::to_string(row.id), row.json);
        }
        check.finish();
    } catch (const Failure &failure) {
        return failure.what();
    }
    return "";
}

void
expect_refusal(const std::string &said, const std::string &part)
{
    EXPECT_NE(said.find(part), std::string::npos) << "said: " << said;
}

} // namespace

TEST(ExportCheck, WantsSealsOrHeads)
{
    const auto never = [](const std::string &) {
        return false;
    };
    ExportCheck check(server_seals(), {}, never);
    EXPECT_FALSE(check.wanted());
    check.add_seal(all_seals().front());
    EXPECT_TRUE(check.wanted());
    EXPECT_TRUE(ExportCheck(server_seals(), all_heads(), never).wanted());
}

TEST(ExportCheck, TakesWhatFitsItsSealsOrHeads)
{
    EXPECT_EQ(verdict(all_rows(), all_seals()), "");
    EXPECT_EQ(verdict(all_rows(), {}, all_heads()), "");
    EXPECT_EQ(verdict(all_rows(), all_seals(), all_heads()), "");
}

TEST(ExportCheck, TakesAnExportThatBeginsInTheMiddleOfABatchOfTheServer)
{
    std::vector<ExportedRow> rows = all_rows();
    rows.erase(rows.begin(), rows.begin() + 3);
    EXPECT_EQ(verdict(rows, {}, all_heads()), "");
}

TEST(ExportCheck, TakesASealThatStandsBeforeOneThatItFollows)
{
    for (const std::int64_t gap_ends : {6, 4}) { // with rows in the gap, and without
        EXPECT_EQ(verdict(all_rows(), merged_seals(gap_ends)), "");
        std::vector<ExportedRow> rows = all_rows();
        rows[4].json = "[50]";
        expect_refusal(verdict(rows, merged_seals(gap_ends)), "of the export do not fit seal");
    }
}

TEST(ExportCheck, RefusesRowsWhoseSealFollowsOneThatIsMissing)
{
    std::vector<Seal> seals = merged_seals(6);
    seals.erase(seals.begin() + 3);
    expect_refusal(verdict(all_rows(), seals), "row 7 of the export is in no seal");
}

TEST(ExportCheck, RefusesASealWithoutRowsThatFollowsNothingKnown)
{
    std::vector<Seal> seals = all_seals();
    const Seal empty = seal_after({seals[2]}, 700, 6, 6);
    seals[3] = seal_after({empty}, 800, 6, 8);
    seals.insert(seals.begin() + 3, empty);
    EXPECT_EQ(verdict(all_rows(), seals), "");
    std::vector<ExportedRow> rows = all_rows();
    rows.erase(rows.begin() + 4, rows.begin() + 6);
    seals.erase(seals.begin() + 2);
    expect_refusal(verdict(rows, seals), "seal 700 of the export, which takes in no row");
}

TEST(ExportCheck, RefusesAChangedRow)
{
    std::vector<ExportedRow> rows = all_rows();
    rows[5].json = "[60]";
    for (const std::string &said : {verdict(rows, all_seals()), verdict(rows, {}, all_heads())})
        expect_refusal(said, "rows 5 to 6 of the export do not fit seal 600: one of them was");
}

TEST(ExportCheck, RefusesARowThatIsMissing)
{
    std::vector<ExportedRow> rows = all_rows();
    rows.erase(rows.begin() + 5);
    expect_refusal(verdict(rows, all_seals()), "2 were sealed, and 1 are there");
    rows.erase(rows.begin() + 4);
    expect_refusal(verdict(rows, all_seals()), "rows 5 to 6, which seal 600 takes in, are missing");
}

TEST(ExportCheck, RefusesAnExportWhoseEndIsMissing)
{
    std::vector<ExportedRow> rows = all_rows();
    rows.resize(6);
    std::vector<Seal> seals = all_seals();
    seals.resize(3);
    EXPECT_EQ(verdict(rows, seals), ""); // only what was collected outside knows of more
    expect_refusal(verdict(rows, seals, all_heads()), "rows 7 to 8, which seal 800 takes in");
}

TEST(ExportCheck, RefusesARowThatNoSealTakesIn)
{
    std::vector<ExportedRow> rows = all_rows();
    rows.push_back({9, "[9]"});
    expect_refusal(verdict(rows, all_seals()), "row 9 of the export is in no seal");
    expect_refusal(verdict(rows, {}, all_heads()), "row 9 of the export is in no seal");
}

TEST(ExportCheck, RefusesASealThatIsAnother)
{
    std::vector<Seal> seals = all_seals();
    seals[2].hash = std::string(64, 'a');
    expect_refusal(verdict(all_rows(), seals), "rows 5 to 6 of the export do not fit seal 600");
    expect_refusal(verdict(all_rows(), seals, all_heads()), "was collected outside");
    seals = all_seals();
    seals[0].hash = std::string(64, 'a');
    expect_refusal(verdict(all_rows(), seals), "seal 200 of the export (rows 1 to 2) is not the "
                                               "one of this server");
}

TEST(ExportCheck, LeavesOutHeadsThatWereAccepted)
{
    std::vector<ExportedRow> rows = all_rows();
    rows.resize(6);
    std::vector<Seal> seals = all_seals();
    seals.resize(3);
    std::vector<Head> heads = all_heads();
    Head accepted = heads.back();
    accepted.is_accepted = true;
    heads.pop_back();
    heads.push_back(accepted);
    EXPECT_EQ(verdict(rows, seals, heads), "");
}
