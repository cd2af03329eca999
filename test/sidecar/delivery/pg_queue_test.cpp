// The queue against a private PostgreSQL server with a small stand-in for the extension: rows and
// their commit, lost connections, notifications, several hosts, and what is said when it is
// missing.
#include <gtest/gtest.h>

#include <poll.h>

#include "base/failure.hpp"
#include "base/workspace.hpp"
#include "delivery/pg_queue.hpp"
#include "postgres/server.hpp"

using namespace sidecar;
using namespace std::chrono_literals;

namespace
{

constexpr const char *stand_in = R"(
CREATE SCHEMA appinfra;
CREATE TABLE appinfra.pub (id bigint, claim uuid, seen text);
CREATE TABLE appinfra.told (what text);
CREATE FUNCTION appinfra.version() RETURNS text LANGUAGE sql AS $$SELECT '0'$$;
CREATE FUNCTION appinfra.host_id() RETURNS uuid LANGUAGE sql
    AS $$SELECT '3f0c0000-0000-4000-8000-000000000001'::uuid$$;
CREATE FUNCTION appinfra.claim_publications(worker text, batch int, lease interval,
                                            producers text[] = '{postgres}')
    RETURNS TABLE (publication_id bigint, claim uuid, target text, app_id text, producer text,
                   version bigint, "set" jsonb, "unset" text[], attempt int, ref text, storage jsonb) LANGUAGE sql AS $$
    UPDATE appinfra.pub SET seen = concat_ws(' ', worker, lease, producers) WHERE id IN
        (SELECT id FROM appinfra.pub WHERE seen IS NULL ORDER BY id LIMIT batch)
    RETURNING id, claim, 'app/svc/s/h', 'app', 'postgres', id + 5,
        CASE WHEN id < 10 THEN jsonb_build_object('A', 'dsn-' || id)
             WHEN id < 20 THEN '[1]'::jsonb END,
        CASE WHEN id < 10 THEN '{}' ELSE ARRAY['X', 'Y'] END, 2, 'db-' || id,
        CASE WHEN id >= 20 THEN '{"backend": "rgw"}'::jsonb END $$;
CREATE FUNCTION appinfra.record_bucket_key(bigint, uuid, text) RETURNS boolean LANGUAGE sql AS
    $$SELECT $1 = 1 AND $3 = 'AKIA'$$;
CREATE FUNCTION appinfra.extend_claim(bigint, uuid, interval) RETURNS boolean LANGUAGE sql AS
    $$SELECT $1 = 1 AND $3 = '90 seconds'$$;
CREATE FUNCTION appinfra.complete_publication(bigint, uuid, jsonb) RETURNS boolean LANGUAGE sql AS
    $$INSERT INTO appinfra.told VALUES (concat_ws('|', $1, $3)); SELECT $1 = 1$$;
CREATE FUNCTION appinfra.fail_publication(bigint, uuid, text, text, timestamptz) RETURNS text
    LANGUAGE sql AS $$INSERT INTO appinfra.told
    VALUES (concat_ws('|', $1, $3, $4, $5 BETWEEN now() - interval '1 min' AND now() + interval '1 min'));
    SELECT 'pending'$$;
CREATE FUNCTION appinfra.refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$BEGIN RAISE 'refused at commit'; END$$;
)";

class PgQueueTest : public ServerTest<PgQueueTest>
{
public:
    static constexpr const char *statements = stand_in;

    void
    SetUp() override
    {
        ASSERT_EQ(
            server->sql("SET client_min_messages = warning; TRUNCATE appinfra.pub, appinfra.told;"
                        "DROP TRIGGER IF EXISTS late ON appinfra.pub"),
            "");
    }

    void
    open(const std::string &address)
    {
        queue = std::make_unique<PgQueue>(
            PgQueueSettings{std::make_shared<Conninfo>(address, ""), "worker", 5s, 500ms}, clock,
            log);
    }

    void
    connect()
    {
        open(server->address());
        ASSERT_TRUE(until([&] { return queue->connected(); }));
    }

    // Runs the queue until something is so; false when it never is.
    template <typename Condition>
    bool
    until(Condition condition)
    {
        const TimePoint deadline = clock.now() + 15s;
        for (;;) {
            queue->pump();
            if (condition())
                return true;
            const TimePoint now = clock.now();
            if (now >= deadline)
                return false;
            const TimePoint next = std::min(queue->flush(), deadline);
            auto fds = queue->descriptors();
            poll(fds.data(), fds.size(),
                 static_cast<int>(std::max(Duration(0), next - now).count()));
        }
    }

    // What a claim comes to.
    std::variant<std::vector<Publication>, Failure>
    claim(int batch = 16)
    {
        std::optional<std::variant<std::vector<Publication>, Failure>> got;
        queue->claim("postgres", batch, 90s, [&](auto answer) { got = std::move(answer); });
        EXPECT_TRUE(until([&] { return got.has_value(); }));
        return std::move(*got);
    }

    SystemClock clock;
    std::vector<std::string> lines;
    Log log{LogFormat::text, LogLevel::debug, [this](const std::string &line) {
                lines.push_back(line);
            }};
    std::unique_ptr<PgQueue> queue;
};

} // namespace

TEST_F(PgQueueTest, ReadsPublications)
{
    connect();
    server->sql("INSERT INTO appinfra.pub VALUES (1, gen_random_uuid()), (20, gen_random_uuid())");
    const auto answer = claim();
    const auto &rows = std::get<std::vector<Publication>>(answer);
    ASSERT_EQ(rows.size(), 2u);
    EXPECT_EQ(rows[0].id, 1);
    EXPECT_EQ(rows[0].target, "app/svc/s/h");
    EXPECT_EQ(rows[0].ref, "db-1");
    EXPECT_EQ(rows[0].app_id, "app");
    EXPECT_EQ(rows[0].version, 6);
    EXPECT_EQ(rows[0].attempt, 2);
    EXPECT_EQ(rows[0].host_id, "3f0c0000-0000-4000-8000-000000000001");
    EXPECT_EQ(rows[0].claim.size(), 36u);
    ASSERT_EQ(rows[0].set.size(), 1u);
    EXPECT_EQ(rows[0].set[0].value.reveal(), "dsn-1");
    EXPECT_TRUE(rows[0].storage.empty());
    EXPECT_EQ(rows[1].storage, R"({"backend": "rgw"})");
    EXPECT_TRUE(rows[1].set.empty()); // NULL
    EXPECT_EQ(rows[1].unset, (std::vector<std::string>{"X", "Y"}));
    EXPECT_EQ(server->sql("SELECT seen FROM appinfra.pub WHERE id = 1"),
              "worker 00:01:30 {postgres}\n");
}

TEST_F(PgQueueTest, ADamagedSetSpoilsOnlyItsOwnPublication)
{
    connect();
    server->sql("INSERT INTO appinfra.pub VALUES (1, gen_random_uuid()), (10, gen_random_uuid())");
    const auto answer = claim();
    const auto &rows = std::get<std::vector<Publication>>(answer);
    ASSERT_EQ(rows.size(), 2u);
    EXPECT_EQ(rows[0].defect, "");
    EXPECT_NE(rows[1].defect, "");
}

TEST_F(PgQueueTest, RowsWhoseCommitFailedAreNotUsed)
{
    connect();
    server->sql("INSERT INTO appinfra.pub VALUES (1, gen_random_uuid());"
                "CREATE CONSTRAINT TRIGGER late AFTER UPDATE ON appinfra.pub DEFERRABLE INITIALLY "
                "DEFERRED FOR EACH ROW EXECUTE FUNCTION appinfra.refuse()");
    const auto answer = claim();
    ASSERT_TRUE(std::holds_alternative<Failure>(answer));
    EXPECT_NE(std::string(std::get<Failure>(answer).what()).find("refused at commit"),
              std::string::npos);
    server->sql("DROP TRIGGER late ON appinfra.pub");
    EXPECT_EQ(std::get<std::vector<Publication>>(claim()).size(), 1u);
}

TEST_F(PgQueueTest, ExtendsAndReports)
{
    connect();
    const std::string claim = "3f0c0000-0000-4000-8000-000000000009";
    std::vector<bool> extended;
    std::vector<Receipt> receipts;
    const auto note = [&](auto answer) {
        extended.push_back(std::get<bool>(answer));
    };
    const auto keep = [&](auto answer) {
        receipts.push_back(std::get<Receipt>(answer));
    };
    queue->extend(1, claim, 90s, note);
    queue->extend(2, claim, 90s, note);
    queue->report({.publication_id = 1, .claim = claim, .complete = true, .response = "{}"}, keep);
    queue->report({.publication_id = 2, .claim = claim, .complete = true}, keep);
    queue->report({.publication_id = 3, .claim = claim, .error = "why", .maybe_stored = true},
                  keep);
    queue->report({.publication_id = 4, .claim = claim, .error = "why", .retry_now = true}, keep);
    ASSERT_TRUE(until([&] { return receipts.size() == 4; }));
    EXPECT_EQ(extended, (std::vector<bool>{true, false}));
    EXPECT_TRUE(receipts[0].held);
    EXPECT_FALSE(receipts[1].held);
    EXPECT_EQ(receipts[2].status, "pending");
    EXPECT_EQ(server->sql("SELECT * FROM appinfra.told"), "1|{}\n2\n3|why|unknown\n4|why|no|t\n");
}

TEST_F(PgQueueTest, ReconnectsAndListensAgainAfterItsConnectionsWereEnded)
{
    connect();
    EXPECT_TRUE(queue->take_connected());
    std::optional<bool> failed;
    queue->claim("postgres", 1, 90s,
                 [&](auto answer) { failed = std::holds_alternative<Failure>(answer); });
    server->sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name = 'appinfrad'");
    ASSERT_TRUE(until([&] { return failed.has_value() && queue->take_connected(); }));
    EXPECT_TRUE(*failed);
    EXPECT_FALSE(queue->take_notified());
    server->sql("NOTIFY appinfra_publication");
    EXPECT_TRUE(until([&] { return queue->take_notified(); }));
}

TEST_F(PgQueueTest, FailsAtOnceWithoutAConnection)
{
    open("host=/nonexistent user=postgres");
    bool failed = false;
    queue->claim("postgres", 1, 90s,
                 [&](auto answer) { failed = std::holds_alternative<Failure>(answer); });
    EXPECT_TRUE(failed);
    EXPECT_TRUE(until([&] { return queue->failures() >= 2; })); // and goes on trying
}

TEST_F(PgQueueTest, TriesSeveralHosts)
{
    open("host=/nonexistent," + server->work.root.string() + " user=postgres dbname=postgres");
    EXPECT_TRUE(until([&] { return queue->connected(); }));
}

TEST_F(PgQueueTest, WantsAServerThatTakesWrites)
{
    server->sql("ALTER DATABASE postgres SET default_transaction_read_only = on");
    open(server->address());
    EXPECT_TRUE(until([&] { return queue->failures() >= 1; }));
    EXPECT_FALSE(queue->connected());
    server->sql("SET default_transaction_read_only = off;"
                "ALTER DATABASE postgres RESET default_transaction_read_only");
    EXPECT_TRUE(until([&] { return queue->connected(); }));
}

TEST_F(PgQueueTest, SaysWhatToDoWhenTheExtensionIsMissing)
{
    open("host=" + server->work.root.string() + " user=postgres dbname=template1");
    ASSERT_TRUE(until([&] { return queue->last_failure().has_value(); }));
    EXPECT_EQ(queue->last_failure()->kind(), Failure::Kind::configuration);
    EXPECT_NE(std::string(queue->last_failure()->what()).find("CREATE EXTENSION appinfra"),
              std::string::npos);
}
