// See pg_work_queue.hpp.
#include "store/pg_work_queue.hpp"

#include <optional>

#include "base/json.hpp"

namespace sidecar
{
namespace
{

std::string
milliseconds(Duration duration)
{
    return std::to_string(duration.count()) + " milliseconds";
}

} // namespace

std::vector<ClaimedWork>
PgWorkQueue::claim(int batch, Duration lease, Compare compare)
{
    std::optional<std::string> check;
    if (compare == Compare::yes)
        check = milliseconds(check_);
    const Rows rows = connection_.query(
        "SELECT bucket_id, claim, generation, storage"
        "  FROM appinfra.claim_bucket_work($1, $2::integer, $3::interval, $4::interval)",
        {worker_, std::to_string(batch), milliseconds(lease), check});
    std::vector<ClaimedWork> claimed;
    for (int row = 0; row < PQntuples(rows.get()); row++)
        claimed.push_back({std::string(text_at(rows, row, 0)), std::string(text_at(rows, row, 1)),
                           number_at(rows, row, 2), std::string(text_at(rows, row, 3))});
    return claimed;
}

bool
PgWorkQueue::extend(const ClaimedWork &work, Duration lease)
{
    return text_at(
               connection_.query("SELECT appinfra.extend_bucket_work($1, $2::uuid, $3::interval)",
                                 {work.bucket_id, work.claim, milliseconds(lease)}),
               0, 0) == "t";
}

bool
PgWorkQueue::complete(const ClaimedWork &work, const std::string &observed)
{
    return text_at(connection_.query(
                       "SELECT appinfra.complete_bucket_work($1, $2::uuid, $3::bigint, $4::jsonb)",
                       {work.bucket_id, work.claim, std::to_string(work.generation), observed}),
                   0, 0) == "t";
}

void
PgWorkQueue::fail(const ClaimedWork &work, const std::string &error, const char *code,
                  std::optional<Duration> again_in)
{
    std::optional<std::string> pause;
    if (again_in)
        pause = milliseconds(*again_in);
    connection_.query("SELECT appinfra.fail_bucket_work($1, $2::uuid, $3, $4,"
                      " clock_timestamp() + $5::interval)",
                      {work.bucket_id, work.claim, error, code, pause});
}

std::int64_t
PgWorkQueue::report_buckets(const std::vector<std::string> &names)
{
    const Json list(json_array());
    for (const std::string &name : names)
        json_array_append_new(list.get(), json_of(name).release());
    return number_at(connection_.query("SELECT appinfra.report_unknown_buckets(ARRAY(SELECT"
                                       " json_array_elements_text($1::json)))",
                                       {json_text(list)}),
                     0, 0);
}

} // namespace sidecar
