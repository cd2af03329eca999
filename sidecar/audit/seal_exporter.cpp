// See seal_exporter.hpp.
#include "audit/seal_exporter.hpp"

#include <array>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include "audit/pg_audit_log.hpp"
#include "base/curl.hpp"
#include "base/failure.hpp"
#include "base/json.hpp"
#include "base/text.hpp"
#include "base/url.hpp"

namespace sidecar
{
namespace
{

std::string
body_of(const Fields &fields)
{
    Json object(json_object());
    for (const Field &field : fields) {
        const auto *number = std::get_if<std::int64_t>(&field.value);
        json_object_set_new(object.get(), field.name.c_str(),
                            number != nullptr
                                ? json_integer(*number)
                                : json_of(std::get<std::string>(field.value)).release());
    }
    return json_text(object);
}

} // namespace

// What the thread works with; it has all of it to itself but for the end.
class SealExporter::Loop
{
public:
    Loop(SealExporterSettings settings, const Log &log) : settings_(std::move(settings)), log_(log)
    {
    }

    void run();
    void end();

private:
    void export_new();
    void post(const std::string &body) const;
    bool pause(Duration time);

    SealExporterSettings settings_;
    Log log_;
    std::optional<BlockingConnection> connection_;
    std::string last_; // the number of the last seal that was carried; empty: none
    bool failing_ = false;
    std::mutex mutex_;
    std::condition_variable ending_;
    bool ended_ = false;
};

SealExporter::SealExporter(SealExporterSettings settings, const Log &log)
{
    if (!settings.url.empty())
        check_url(settings.url, "--audit-url", settings.allow_plaintext);
    loop_ = std::make_shared<Loop>(std::move(settings), log);
    std::thread([loop = loop_] { loop->run(); }).detach();
}

SealExporter::~SealExporter()
{
    loop_->end();
}

void
SealExporter::Loop::run()
{
    do {
        try {
            if (!connection_)
                connection_ = connect_to_audit_log(*settings_.conninfo);
            export_new();
            failing_ = false;
        } catch (const std::exception &error) {
            if (!failing_) // once, until it works again
                log_.warn("seals are not carried out", {{"error", std::string(error.what())}});
            failing_ = true;
            connection_.reset();
        }
    } while (pause(settings_.poll));
}

// Carries every seal that is new; at first the newest alone, which holds all before it.
void
SealExporter::Loop::export_new()
{
    const Rows rows = connection_->query(
        "SELECT number, hash, last_id, rows, sealed_at, appinfra.host_id()"
        "  FROM appinfra.audit_seals WHERE number > CASE WHEN $1 <> '' THEN $1::bigint ELSE"
        "       (SELECT max(number) - 1 FROM appinfra.audit_seals) END ORDER BY number LIMIT 1000",
        {last_});
    for (int row = 0; row < PQntuples(rows.get()); row++) {
        const Fields fields = {{"host_id", std::string(text_at(rows, row, 5))},
                               {"seal", number_at(rows, row, 0)},
                               {"hash", std::string(text_at(rows, row, 1))},
                               {"last_id", number_at(rows, row, 2)},
                               {"rows", number_at(rows, row, 3)},
                               {"sealed_at", std::string(text_at(rows, row, 4))}};
        if (settings_.url.empty())
            log_.info("audit sealed", fields);
        else
            post(body_of(fields));
        last_ = text_at(rows, row, 0);
    }
}

// Posts a head. Throws a retry Failure unless it was taken.
void
SealExporter::Loop::post(const std::string &body) const
{
    JsonPost request;
    request.url = settings_.url;
    request.body = body;
    request.ca_file = settings_.ca_file;
    request.call_timeout = settings_.call_timeout;
    const long status = post_json(request).status;
    if (status < 200 || status >= 300)
        throw Failure(Failure::Kind::retry, "the audit URL answered " + std::to_string(status));
}

void
SealExporter::Loop::end()
{
    const std::lock_guard lock(mutex_);
    ended_ = true;
    ending_.notify_all();
}

// Waits; false when it is to end.
bool
SealExporter::Loop::pause(Duration time)
{
    std::unique_lock lock(mutex_);
    return !ending_.wait_for(lock, time, [this] { return ended_; });
}

} // namespace sidecar
