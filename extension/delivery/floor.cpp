/* Moves the registry above what may have been given away. See floor.hpp. */
#include "delivery/floor.hpp"

#include "audit/audit.hpp"
#include "base/query.hpp"
#include "base/settings.hpp"
#include "registry/bucket.hpp"
#include "registry/bucket_key.hpp"
#include "registry/publication.hpp"
#include "registry/stale.hpp"

namespace appinfra::floor
{

int64
current()
{
    static query::Query select = {"SELECT floor FROM appinfra.host"};
    query::Rows rows = query::run(select);

    return rows.count == 1 ? rows.int8(0, 1) : 0;
}

int64
raise(int32 timelines)
{
    static query::Query raise = {
        "UPDATE appinfra.host SET floor = greatest("
        "       (extract(epoch FROM clock_timestamp()) * 1000)::bigint, 1000000::bigint * $1 +"
        "       greatest(floor, (SELECT max(version) FROM appinfra.variable))) RETURNING floor"};
    static query::Query lift[] = {
        {"SELECT setval('appinfra.publication_publication_id_seq', greatest($1, 1000000 + "
         "  nextval('appinfra.publication_publication_id_seq')))"},
        {"SELECT setval('appinfra.binding_binding_id_seq', greatest($1, 1000000 + "
         "  nextval('appinfra.binding_binding_id_seq')))"},
        {"SELECT setval('appinfra.credential_credential_id_seq', greatest($1, 1000000 + "
         "  nextval('appinfra.credential_credential_id_seq')))"},
        {"SELECT setval('appinfra.bucket_key_bucket_key_id_seq', greatest($1, 1000000 + "
         "  nextval('appinfra.bucket_key_bucket_key_id_seq')))"},
        {"SELECT setval('appinfra.key_number_seq', greatest($1, 1000000 + "
         "  nextval('appinfra.key_number_seq')))"},
        {"SELECT setval('appinfra.audit_log_id_seq', greatest($1, 1000000 +"
         "  nextval('appinfra.audit_log_id_seq'),"
         "  (extract(epoch FROM clock_timestamp()) * 1000000)::bigint))"}};
    query::Rows raised = query::run(raise, {query::int4(Max(1, timelines))});
    int64 floor = raised.int8(0, 1);

    for (query::Query &query : lift)
        query::run(query, {query::int8(floor)});
    return floor;
}

int64
publish_above(int64 floor)
{
    static query::Query lift[] = {
        {"UPDATE appinfra.variable SET version = $1 WHERE version > 0 AND version < $1"},
        {"UPDATE appinfra.binding SET version = $1 WHERE version > 0 AND version < $1"}};

    for (query::Query &query : lift)
        query::run(query, {query::int8(floor)});
    bucket::keep_after_loss();
    bucket_key::keep_after_loss();
    if (settings::republish == settings::republish_never)
        return 0;
    /* nobody waits for a sidecar that may have ended with the lost timeline */
    publication::give_up_leases();
    return stale::mark_all(floor);
}

void
give_up_shells()
{
    static query::Query remove = {
        "DELETE FROM appinfra.shell WHERE db_id = ANY (ARRAY("
        "       SELECT db_id FROM appinfra.shell WHERE status = 'ready' FOR UPDATE SKIP LOCKED))"
        " RETURNING db_id"};
    /* more often than any shell may fail: the builder, which made its files, gives it up */
    static query::Query mark = {"UPDATE appinfra.shell SET attempts = 1000, last_error = $1"
                                " WHERE status = 'planned'"};
    const char *reason = "it is of a former timeline";
    query::Rows rows = query::run(remove);

    for (uint64 i = 0; i < rows.count; i++)
        audit::record("give_up_shell", rows.text(i, 1), nullptr,
                      audit::detail({{"error", reason}}));
    query::run(mark, {query::text(reason)});
}

} // namespace appinfra::floor
