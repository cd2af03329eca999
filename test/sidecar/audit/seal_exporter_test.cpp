// Seals on their way out of the host: into the log, in order, each once; and where none may go.
#include <gtest/gtest.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "audit/seal_exporter.hpp"
#include "base/failure.hpp"
#include "postgres/server.hpp"

using namespace sidecar;
using namespace std::chrono_literals;

namespace
{

constexpr const char *stand_in = R"(
CREATE SCHEMA appinfra;
CREATE FUNCTION appinfra.host_id() RETURNS uuid LANGUAGE sql
    AS $$SELECT '3f0c0000-0000-4000-8000-000000000001'::uuid$$;
CREATE TABLE appinfra.audit_seals (number bigint, hash text, last_id bigint, rows bigint,
                                   sealed_at timestamptz DEFAULT now());
INSERT INTO appinfra.audit_seals VALUES (1, 'aa', 10, 10), (2, 'bb', 20, 10);
)";

// The lines of a log, as they come. The exporter's thread may outlive the test.
class Lines : public std::enable_shared_from_this<Lines>
{
public:
    Log::Writer
    writer()
    {
        return [self = shared_from_this()](const std::string &line) {
            const std::lock_guard lock(self->mutex_);
            self->lines_.push_back(line);
            self->come_.notify_all();
        };
    }

    std::vector<std::string>
    wait(std::size_t count)
    {
        std::unique_lock lock(mutex_);
        EXPECT_TRUE(come_.wait_for(lock, 20s, [&] { return lines_.size() >= count; }));
        return lines_;
    }

private:
    std::mutex mutex_;
    std::condition_variable come_;
    std::vector<std::string> lines_;
};

SealExporterSettings
settings(const std::string &database, const std::string &url = "")
{
    return {std::make_shared<Conninfo>(database, "", "any"), url, "", false, 20ms, 5s};
}

} // namespace

TEST(SealExporter, SaysTheNewestAndThenEachThatFollows)
{
    const Server server(stand_in);
    const auto lines = std::make_shared<Lines>();
    const Log log(LogFormat::text, LogLevel::info, lines->writer());
    const SealExporter exporter(settings(server.address()), log);
    EXPECT_NE(lines->wait(1)[0].find("seal=2 hash=bb"), std::string::npos);
    server.sql("INSERT INTO appinfra.audit_seals VALUES (3, 'cc', 30, 10), (4, 'dd', 40, 10)");
    const auto all = lines->wait(3);
    EXPECT_NE(all[1].find("seal=3 hash=cc"), std::string::npos) << all[1];
    EXPECT_NE(all[2].find("seal=4 hash=dd"), std::string::npos) << all[2];
}

TEST(SealExporter, SaysOnceThatItCannotReadAndGoesOnTrying)
{
    const auto lines = std::make_shared<Lines>();
    const Log log(LogFormat::text, LogLevel::info, lines->writer());
    const SealExporter exporter(settings("host=/nowhere"), log);
    EXPECT_NE(lines->wait(1)[0].find("seals are not carried out"), std::string::npos);
}

TEST(SealExporter, RefusesAUrlThatIsPlaintextToAnotherMachine)
{
    const Log log(LogFormat::text, LogLevel::info, [](const std::string &) {});
    try {
        SealExporter(settings("host=/nowhere", "http://audit.example/heads"), log);
        FAIL() << "it was taken";
    } catch (const Failure &failure) {
        EXPECT_EQ(std::string(failure.what()).find("--audit-url is plaintext"), 0u)
            << failure.what();
    }
}
