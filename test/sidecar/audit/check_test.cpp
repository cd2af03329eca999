// What verify-audit finds in an audit log, and what it reads as heads.
#include <sstream>

#include <gtest/gtest.h>

#include "audit/check.hpp"

using namespace sidecar;

namespace
{

// A log of rows that are their ids, sealed in twos.
class FakeLog final : public AuditLog
{
public:
    explicit FakeLog(std::int64_t rows)
    {
        for (std::int64_t id = 1; id <= rows; id++)
            rows_.emplace_back(id, "[" + std::to_string(id) + "]");
        for (std::int64_t id = 2; id <= rows; id += 2)
            seal(id * 100,
                 seals_.empty() ? std::vector<std::int64_t>{} : std::vector{seals_.back().number},
                 id - 2, id);
    }

    void
    seal(std::int64_t number, std::vector<std::int64_t> previous, std::int64_t after_id,
         std::int64_t last_id)
    {
        Seal seal{number, std::move(previous), after_id, last_id, 0, number * 10, {}};
        rows(after_id, last_id, [&](std::string_view) { seal.rows++; });
        seal.hash = hash_of(seal);
        seals_.push_back(seal);
    }

    std::string
    hash_of(const Seal &seal)
    {
        std::vector<std::string> hashes;
        for (const std::int64_t number : seal.previous)
            for (const Seal &other : seals_)
                if (other.number == number)
                    hashes.push_back(other.hash);
        SealHash hash(seal, hashes);
        rows(seal.after_id, seal.last_id, [&](std::string_view json) { hash.add_row(json); });
        return hash.finish();
    }

    std::string
    host_id() override
    {
        return "host";
    }
    std::vector<Seal>
    seals() override
    {
        return seals_;
    }
    void
    rows(std::int64_t after_id, std::int64_t last_id,
         const std::function<void(std::string_view json)> &take) override
    {
        for (const auto &[id, json] : rows_)
            if (id > after_id && id <= last_id)
                take(json);
    }
    std::int64_t
    removed_through() override
    {
        return removed_through_;
    }

    std::vector<std::pair<std::int64_t, std::string>> rows_;
    std::vector<Seal> seals_;
    std::int64_t removed_through_ = 0;
};

Head
head_of(const Seal &seal)
{
    return {"host", seal.number, seal.hash};
}

std::string
first_violation(FakeLog &log, const std::vector<Head> &heads = {})
{
    const AuditReport report = check_audit(log, heads);
    return report.violations.empty() ? "" : report.violations.front();
}

} // namespace

TEST(AuditCheck, ALogThatIsAsItWasIsInOrder)
{
    FakeLog log(7);
    const AuditReport report = check_audit(log, {head_of(log.seals_[0]), head_of(log.seals_[2])});
    EXPECT_TRUE(report.violations.empty());
    EXPECT_EQ(report.rows, 6);
    EXPECT_EQ(report.seals, 3U);
    EXPECT_EQ(report.unsealed, 1);
    EXPECT_EQ(report.heads, 2U);
}

TEST(AuditCheck, TheHashIsTheOneTheServerComputes)
{
    // sha256 of "200 0 2 2 2000\n[1]\n[2]\n"
    EXPECT_EQ(FakeLog(2).seals_[0].hash,
              "076236bcdee8c9bbf3bc23da35ea5a4bdcd268c384702f8c05c4349a863aaa60");
}

TEST(AuditCheck, AChangedDeletedOrInsertedRowIsFound)
{
    FakeLog changed(6), deleted(6), inserted(6);
    changed.rows_[2].second = "[33]";
    deleted.rows_.erase(deleted.rows_.begin() + 3);
    inserted.rows_.insert(inserted.rows_.begin() + 3, {3, "[3]"});
    for (FakeLog *log : {&changed, &deleted, &inserted})
        EXPECT_EQ(first_violation(*log).find("seal 400 (rows 3 to 4) does not fit its rows"), 0U);
}

TEST(AuditCheck, ARowBetweenTheSealsIsFound)
{
    FakeLog log(4);
    log.rows_.emplace_back(0, "[0]");
    log.seals_[0].after_id = 1; // and its hash fits
    log.seals_[0].rows = 1;
    log.seals_[0].hash = log.hash_of(log.seals_[0]);
    EXPECT_NE(first_violation(log).find("are in no seal"), std::string::npos);
}

TEST(AuditCheck, ARemovedSealIsFound)
{
    FakeLog middle(6), first(6);
    middle.seals_.erase(middle.seals_.begin() + 1);
    first.seals_.erase(first.seals_.begin());
    EXPECT_NE(first_violation(middle).find("follows seal 400, which is gone"), std::string::npos);
    EXPECT_NE(first_violation(first).find("follows seal 200, which is gone"), std::string::npos);
}

TEST(AuditCheck, ATailThatWasCutOffIsFoundByItsHeadAlone)
{
    FakeLog log(6);
    const Head head = head_of(log.seals_[2]);
    log.seals_.pop_back();
    log.rows_.resize(4);
    EXPECT_EQ(first_violation(log), "");
    EXPECT_EQ(first_violation(log, {head}), "seal 600 was collected outside, and is not there");
}

TEST(AuditCheck, ALostHeadIsAcceptedByNumberAndHash)
{
    FakeLog log(6);
    const Head head = head_of(log.seals_[2]);
    log.seals_.pop_back();
    log.rows_.resize(4);
    const AuditReport lost = check_audit(log, {head});
    ASSERT_EQ(lost.lost.size(), 1U);
    std::istringstream file(acceptance_of(lost.lost[0], "ann \"b\"", "a new\ndisk"));
    std::vector<Head> heads = read_heads(file);
    ASSERT_EQ(heads.size(), 1U);
    heads.push_back(head);
    const AuditReport accepted = check_audit(log, heads);
    EXPECT_TRUE(accepted.violations.empty());
    EXPECT_EQ(accepted.accepted, 1U);
    heads[1].hash[0] = heads[1].hash[0] == 'a' ? 'b' : 'a';
    EXPECT_EQ(first_violation(log, heads), "seal 600 was collected outside, and is not there");
}

TEST(AuditCheck, AHistoryThatWasMadeAgainIsFoundByAHeadAlone)
{
    FakeLog log(6);
    const Head head = head_of(log.seals_[2]);
    log.rows_[0].second = "[11]";
    for (Seal &seal : log.seals_)
        seal.hash = log.hash_of(seal);
    EXPECT_EQ(first_violation(log), "");
    EXPECT_EQ(first_violation(log, {head}),
              "seal 600 (rows 5 to 6) is not the one that was collected outside");
}

TEST(AuditCheck, WhatRetentionRemovedIsInOrder)
{
    FakeLog log(6);
    log.rows_.erase(log.rows_.begin(), log.rows_.begin() + 4);
    EXPECT_NE(first_violation(log), "");
    log.removed_through_ = 4;
    const AuditReport report = check_audit(log, {head_of(log.seals_[0])});
    EXPECT_TRUE(report.violations.empty());
    EXPECT_EQ(report.removed, 4);
}

TEST(AuditCheck, ARestoredChainIsJoinedByASealWithTwoPredecessors)
{
    FakeLog log(6);
    log.rows_.emplace_back(1001, "[1001]");
    log.seal(2000, {}, 1000, 1001);
    EXPECT_NE(first_violation(log).find("seal 600 (rows 5 to 6) is followed by none"),
              std::string::npos);
    log.seal(3000, {2000, 600}, 6, 1000);
    EXPECT_EQ(first_violation(log), "");
}

TEST(SealHeads, AreReadFromTheLogAndFromWhatWasPosted)
{
    const std::string a(64, 'a'), b(64, 'b');
    std::istringstream in("2026-11-20T12:00:00Z info started version=1\n"
                          "2026-11-20T12:00:01Z info audit sealed host_id=h seal=17 hash=" +
                          a +
                          " last_id=9\n"
                          "{\"event\":\"audit sealed\",\"host_id\":\"h\",\"seal\":18,\"hash\":\"" +
                          b +
                          "\"}\n"
                          "{\"seal\": 19, \"hash\": \"short\"}\n"
                          "2026-11-20T12:00:01Z info claimed unseal=20 hash=" +
                          a + "\n");
    const std::vector<Head> heads = read_heads(in);
    ASSERT_EQ(heads.size(), 2U);
    EXPECT_EQ(heads[0].number, 17);
    EXPECT_EQ(heads[0].hash, a);
    EXPECT_EQ(heads[1].number, 18);
    EXPECT_EQ(heads[1].hash, b);
    EXPECT_EQ(heads[1].host, "h");
}
