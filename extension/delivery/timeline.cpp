/* Moves versions and ids ahead on a new timeline. See timeline.hpp. */
#include "delivery/timeline.hpp"

#include "audit/audit.hpp"
#include "base/query.hpp"
#include "base/scope.hpp"

namespace appinfra::timeline
{

static int32 current();

bool
is_settled()
{
    static query::Query select = {"SELECT timeline = $1 FROM appinfra.host"};

    query::Rows rows = query::run(select, {query::int4(current())});

    return rows.count == 1 && rows.boolean(0, 1);
}

void
settle()
{
    /* more than a host publishes in the time that a standby lags behind */
    static query::Query move[] = {
        {"UPDATE appinfra.variable SET version = version + 1000000"},
        {"UPDATE appinfra.publication SET version = version + 1000000"
         " WHERE status IN ('pending', 'claimed', 'failed')"},
        {"UPDATE appinfra.binding SET version = version + 1000000"},
        {"SELECT setval('appinfra.publication_publication_id_seq', nextval("
         "  'appinfra.publication_publication_id_seq') + 1000000)"},
        {"SELECT setval('appinfra.audit_log_id_seq', greatest(nextval("
         "  'appinfra.audit_log_id_seq'), (extract(epoch FROM clock_timestamp()) * "
         "1000000)::bigint))"}};
    static query::Query select = {"SELECT timeline FROM appinfra.host FOR NO KEY UPDATE"};
    static query::Query mark = {"UPDATE appinfra.host SET timeline = $1"};

    in_transaction([](MemoryContext) {
        if (is_settled())
            return;
        query::Rows host = query::run(select);
        if (host.count != 1)
            return;
        /* 0: a registry just made, which has given nothing away */
        bool is_new = host.int4(0, 1) == 0;
        for (query::Query &query : move)
            if (!is_new)
                query::run(query);
        query::run(mark, {query::int4(current())});
        if (!is_new)
            audit::record("new_timeline", nullptr, nullptr,
                          audit::detail({{"timeline", psprintf("%d", current())}}));
    });
}

static int32
current()
{
    return static_cast<int32>(GetWALInsertionTimeLine());
}

} // namespace appinfra::timeline
