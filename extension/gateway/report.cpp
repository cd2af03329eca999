/* Takes in what gateways report in batches: reads, and what was refused. Part of calls.hpp. */
#include "gateway/calls.hpp"

#include "base/identifiers.hpp"
#include "base/query.hpp"
#include "base/scope.hpp"
#include "gateway/call_row.hpp"
#include "gateway/logins.hpp"

namespace appinfra::calls
{

constexpr const char *rules[] = {"unknown_key", "key_inactive", "workspace_inactive", "rate",
                                 "permission"};

static void take(const char *gateway, const query::Rows &rows, uint64 row);
static void require_rule(const char *rule);

void
report(const char *gateway, const Jsonb *entries)
{
    /* a time that is to come would stand before what is sealed next */
    static query::Query select = {
        "SELECT e.entry ->> 'refused', k.db_id, e.entry ->> 'key_id', e.entry ->> 'request_id',"
        "       e.entry ->> 'endpoint', e.entry ->> 'client_address',"
        "       coalesce((e.entry ->> 'status')::int, 200),"
        "       coalesce((e.entry ->> 'count')::bigint, 1),"
        "       least((e.entry ->> 'time')::timestamptz, clock_timestamp()), e.entry -> 'detail',"
        "       k.key_id IS NOT NULL"
        "         AND coalesce(k.last_used_at < clock_timestamp() - interval '1 minute', true)"
        "  FROM jsonb_array_elements($1) WITH ORDINALITY e (entry, place)"
        "  LEFT JOIN appinfra.key k ON k.key_id = e.entry ->> 'key_id'"
        " ORDER BY e.place"};

    require(gateway_logins::check_name(gateway));
    if (!JB_ROOT_IS_ARRAY(entries) || JB_ROOT_IS_SCALAR(entries))
        raise(refuse(ERRCODE_INVALID_PARAMETER_VALUE, "entries is not a JSON array"));
    with_spi([&](MemoryContext) {
        query::Rows rows = query::run(select, {query::jsonb(entries)});

        for (uint64 i = 0; i < rows.count; i++)
            take(gateway, rows, i);
    });
}

/* Writes the row of one entry. */
static void
take(const char *gateway, const query::Rows &rows, uint64 row)
{
    const char *rule = rows.text(row, 1);
    const char *key_id = rows.text(row, 3);
    std::optional<TimestampTz> time;
    const Jsonb *detail = rows.is_null(row, 10) ? nullptr : DatumGetJsonbP(rows.datum(row, 10));

    if (!rows.is_null(row, 9))
        time = DatumGetTimestampTz(rows.datum(row, 9));
    if (rule != nullptr) {
        require_rule(rule);
        call_row::write(call_row::Refused{.gateway = gateway,
                                          .rule = rule,
                                          .db_id = rows.text(row, 2),
                                          .key_id = key_id,
                                          .client_address = rows.text(row, 6),
                                          .count = rows.int8(row, 8),
                                          .detail = detail,
                                          .time = time});
        return;
    }
    if (rows.boolean(row, 11))
        key::mark_used(key_id);
    call_row::write(call_row::Row{.gateway = gateway,
                                  .db_id = rows.text(row, 2),
                                  .key_id = key_id,
                                  .request_id = rows.text(row, 4),
                                  .endpoint = rows.text(row, 5),
                                  .client_address = rows.text(row, 6),
                                  .status = rows.int4(row, 7),
                                  .xid = std::nullopt,
                                  .detail = detail,
                                  .time = time});
}

static void
require_rule(const char *rule)
{
    for (const char *known : rules)
        if (strcmp(known, rule) == 0)
            return;
    raise(refuse(ERRCODE_INVALID_PARAMETER_VALUE, "invalid rule of a refusal",
                 psprintf("\"%s\" is not a rule of gateways.", identifiers::excerpt(rule))));
}

} // namespace appinfra::calls
