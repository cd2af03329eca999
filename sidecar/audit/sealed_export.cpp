// See sealed_export.hpp.
#include "audit/sealed_export.hpp"

#include "base/failure.hpp"

namespace sidecar
{
namespace
{

constexpr std::size_t lines_at_once = 500;

std::int64_t
number_in(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

} // namespace

void
SealedExport::seal(const json_t *seal)
{
    if (has_rows_ && !check_.wanted())
        refuse("the export has rows before its first seal: write all of it with --seals");
    flush();
    const char *hash = json_string_value(json_object_get(seal, "hash"));
    const json_t *previous = json_object_get(seal, "previous");
    if (hash == nullptr || !json_is_array(previous) || number_in(seal, "number") <= 0)
        refuse("a seal of the export is none");
    Seal made{number_in(seal, "number"),
              {},
              number_in(seal, "after_id"),
              number_in(seal, "last_id"),
              number_in(seal, "rows"),
              number_in(seal, "sealed_at"),
              hash};
    for (std::size_t i = 0; i < json_array_size(previous); i++)
        made.previous.push_back(json_integer_value(json_array_get(previous, i)));
    check_.add_seal(made);
}

void
SealedExport::row(std::int64_t id, const std::string &time, const std::string &line)
{
    has_rows_ = true;
    if (!check_.wanted())
        return;
    lines_.push_back({id, time, line});
    if (lines_.size() >= lines_at_once)
        flush();
}

bool
SealedExport::finish()
{
    flush();
    if (check_.wanted())
        check_.finish();
    return check_.wanted();
}

// Has the server make the arrays that were sealed of the rows, and hands them on.
void
SealedExport::flush()
{
    if (lines_.empty())
        return;
    std::string array;
    for (const Line &line : lines_)
        array += (array.empty() ? "[" : ",") + line.text;
    const Rows rows = connection_.query(
        "SELECT jsonb_build_array(r.id, (extract(epoch FROM r.time) * 1000000)::bigint, r.actor,"
        "       r.effective_role, r.application_name, r.client_address, r.database, r.action,"
        "       r.db_id, r.credential, r.outcome, r.detail, r.transaction_id::text)"
        "       || CASE WHEN r.end_user IS NULL THEN '[]' ELSE jsonb_build_array(r.end_user) END"
        "  FROM json_array_elements($1::json) WITH ORDINALITY e (line, number)"
        " CROSS JOIN LATERAL json_populate_record(NULL::appinfra.audit, e.line) r ORDER BY number",
        {array + "]"});
    for (std::size_t i = 0; i < lines_.size(); i++)
        check_.add_row(lines_[i].id, lines_[i].time,
                       std::string(text_at(rows, static_cast<int>(i), 0)));
    lines_.clear();
}

std::vector<Head>
timed_heads(BlockingConnection &connection, const std::vector<Head> &heads,
            const std::string &host_id)
{
    std::vector<Head> timed;
    Json times(json_array());
    for (const Head &head : heads) {
        if (!head.host.empty() && head.host != host_id)
            continue;
        timed.push_back(head);
        json_array_append_new(times.get(), json_of(head.sealed_at_text).release());
    }
    const Rows rows = connection.query(
        "SELECT coalesce((extract(epoch FROM nullif(time, '')::timestamptz) * 1000000)::bigint, 0)"
        "  FROM json_array_elements_text($1::json) WITH ORDINALITY t (time, number)"
        " ORDER BY number",
        {json_text(times)});
    for (std::size_t i = 0; i < timed.size(); i++)
        timed[i].sealed_at = number_at(rows, static_cast<int>(i), 0);
    return timed;
}

} // namespace sidecar
