// See pg_queue.hpp.
#include "delivery/pg_queue.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/json.hpp"

namespace sidecar
{
namespace
{

// All columns, read by name: in a registry of another version it is the function that refuses. That
// of an older one knows databases only, so they are claimed as it can be asked.
#define CLAIM_COLUMNS "SELECT p.*, array_to_json(p.unset) AS unset_names, appinfra.host_id() FROM "
constexpr const char *claim_sql =
    CLAIM_COLUMNS "appinfra.claim_publications($1::text, $2::integer, $3::interval) p";
constexpr const char *claim_of_sql =
    CLAIM_COLUMNS "appinfra.claim_publications($1::text, $2::integer, $3::interval,"
                  " ARRAY[$4::text]) p";
#undef CLAIM_COLUMNS
constexpr const char *database_producer = "postgres";
constexpr const char *record_key_sql =
    "SELECT appinfra.record_bucket_key($1::bigint, $2::uuid, $3::text)";
constexpr const char *extend_sql =
    "SELECT appinfra.extend_claim($1::bigint, $2::uuid, $3::interval)";
constexpr const char *complete_sql =
    "SELECT appinfra.complete_publication($1::bigint, $2::uuid, $3::jsonb)";
constexpr const char *fail_sql =
    "SELECT appinfra.fail_publication($1::bigint, $2::uuid, $3::text, $4::text, "
    "CASE WHEN $5::boolean THEN clock_timestamp() + $6::interval END)";

std::string
interval_of(Duration duration)
{
    return std::to_string(duration.count()) + " milliseconds";
}

std::vector<std::string>
names_of(std::string_view array)
{
    std::vector<std::string> names;
    if (array.empty())
        return names;
    const Json list = parse_json(array);
    std::size_t index;
    json_t *name;
    json_array_foreach(list.get(), index, name)
    {
        if (json_is_string(name))
            names.emplace_back(json_string_value(name));
    }
    return names;
}

Publication
publication_of(const Rows &rows, int row)
{
    const auto column = [&](const char *name) {
        const int found = PQfnumber(rows.get(), name);
        if (found < 0)
            throw Failure(Failure::Kind::give_up, std::string("a claim has no column ") + name);
        return found;
    };
    const auto text = [&](const char *name) {
        return std::string(text_at(rows, row, column(name)));
    };
    Publication publication;
    publication.id = number_at(rows, row, column("publication_id"));
    publication.claim = text("claim");
    publication.target = text("target");
    publication.ref = text("ref");
    publication.app_id = text("app_id");
    publication.producer = text("producer");
    publication.version = number_at(rows, row, column("version"));
    publication.unset = names_of(text("unset_names"));
    publication.attempt = static_cast<int>(number_at(rows, row, column("attempt")));
    publication.host_id = text("host_id");
    publication.storage = text("storage");
    try {
        if (const int set = column("set"); PQgetisnull(rows.get(), row, set) == 0)
            publication.set = read_set(text_at(rows, row, set));
    } catch (const Failure &failure) {
        publication.defect = failure.what(); // fails this one, not its neighbours
    }
    return publication;
}

std::vector<std::string>
preparation_of(const PgQueueSettings &settings, bool listen)
{
    std::vector<std::string> statements = {"SET statement_timeout = " +
                                               std::to_string(settings.statement_timeout.count()),
                                           "SET idle_session_timeout = 0"};
    // Also fails early, and with a fitting text, where the extension is not installed.
    statements.emplace_back("SELECT appinfra.version()");
    if (listen)
        statements.emplace_back("LISTEN appinfra_publication");
    return statements;
}

Backoff
reconnect_backoff(const PgQueueSettings &settings, std::uint64_t seed)
{
    return {std::chrono::milliseconds(250), settings.max_reconnect, seed};
}

// Runs read on the rows of an answer; passes a Failure on.
template <typename T, typename Read>
std::function<void(std::variant<Rows, Failure>)>
reading(Answer<T> done, Read read)
{
    return [done = std::move(done), read](std::variant<Rows, Failure> answer) {
        if (const auto *failure = std::get_if<Failure>(&answer))
            done(*failure);
        else
            done(read(std::get<Rows>(answer)));
    };
}

} // namespace

PgQueue::PgQueue(const PgQueueSettings &settings, const Clock &clock, Log &log)
    : worker_(settings.worker), claims_("claims", settings.conninfo, preparation_of(settings, true),
                                        settings.statement_timeout + std::chrono::seconds(5), clock,
                                        log, reconnect_backoff(settings, std::random_device{}())),
      reports_("reports", settings.conninfo, preparation_of(settings, false),
               settings.statement_timeout + std::chrono::seconds(5), clock, log,
               reconnect_backoff(settings, std::random_device{}()))
{
}

bool
PgQueue::connected() const
{
    // Without a way to report, claiming would only mint what nobody could settle.
    return claims_.connected() && reports_.connected();
}

void
PgQueue::claim(const std::string &producer, int batch, Duration lease,
               Answer<std::vector<Publication>> done)
{
    Parameters parameters = {worker_, std::to_string(batch), interval_of(lease)};
    const bool databases = producer == database_producer;
    if (!databases)
        parameters.emplace_back(producer);
    claims_.submit({databases ? claim_sql : claim_of_sql, std::move(parameters),
                    reading<std::vector<Publication>>(std::move(done), [this](const Rows &rows) {
                        std::vector<Publication> publications;
                        publications.reserve(static_cast<std::size_t>(PQntuples(rows.get())));
                        for (int row = 0; row < PQntuples(rows.get()); row++)
                            publications.push_back(publication_of(rows, row));
                        if (!publications.empty())
                            overwrite_input(rows);
                        return publications;
                    })});
}

// Has the server send filler: libpq keeps its input buffer, and with it the DSNs, until something
// else is received.
void
PgQueue::overwrite_input(const Rows &rows)
{
    claims_.submit({filler_sql, {filler_size(rows)}, [](auto) {
                    }});
}

void
PgQueue::extend(std::int64_t publication_id, const std::string &claim, Duration lease,
                Answer<bool> done)
{
    reports_.submit({extend_sql,
                     {std::to_string(publication_id), claim, interval_of(lease)},
                     reading<bool>(std::move(done), [](const Rows &rows) {
                         return PQntuples(rows.get()) == 1 && text_at(rows, 0, 0) == "t";
                     })});
}

void
PgQueue::report(const Report &report, Answer<Receipt> done)
{
    const std::string id = std::to_string(report.publication_id);
    if (report.complete) {
        std::optional<std::string> response;
        if (!report.response.empty())
            response = report.response;
        reports_.submit({complete_sql,
                         {id, report.claim, response},
                         reading<Receipt>(std::move(done), [](const Rows &rows) {
                             return Receipt{text_at(rows, 0, 0) == "t", {}};
                         })});
        return;
    }
    reports_.submit({fail_sql,
                     {id, report.claim, report.error, report.maybe_stored ? "unknown" : "no",
                      report.retry_now ? "t" : "f", interval_of(report.retry_pause)},
                     reading<Receipt>(std::move(done), [](const Rows &rows) {
                         return Receipt{true, std::string(text_at(rows, 0, 0))};
                     })});
}

void
PgQueue::record_key(std::int64_t publication_id, const std::string &claim,
                    const std::string &access_key, Answer<bool> done)
{
    reports_.submit({record_key_sql,
                     {std::to_string(publication_id), claim, access_key},
                     reading<bool>(std::move(done), [](const Rows &rows) {
                         return PQntuples(rows.get()) == 1 && text_at(rows, 0, 0) == "t";
                     })});
}

void
PgQueue::pump()
{
    claims_.pump();
    reports_.pump();
}

TimePoint
PgQueue::flush()
{
    const TimePoint claims = claims_.flush();
    return std::min(claims, reports_.flush());
}

std::array<pollfd, 2>
PgQueue::descriptors() const
{
    return {pollfd{claims_.fd(), claims_.events(), 0}, pollfd{reports_.fd(), reports_.events(), 0}};
}

bool
PgQueue::take_connected()
{
    const bool anew = claims_.take_connected() | reports_.take_connected();
    return anew && connected();
}

const std::optional<Failure> &
PgQueue::last_failure() const
{
    return claims_.last_failure() ? claims_.last_failure() : reports_.last_failure();
}

} // namespace sidecar
