/* Owes, cancels and retries publications. See publication.hpp. */
#include "delivery/publication.hpp"

#include "audit/audit.hpp"
#include "base/query.hpp"
#include "base/scope.hpp"
#include "delivery/binding.hpp"
#include "shmem/wakeup.hpp"

namespace appinfra::publication
{

int64
enqueue(int64 binding_id, int64 credential_id, const Interval *grace, const Interval *deadline)
{
    static query::Query supersede = {
        "UPDATE appinfra.publication p SET status = 'superseded', ended_at = clock_timestamp()"
        " WHERE binding_id = $1 AND status = 'pending'"};
    static query::Query insert = {
        "INSERT INTO appinfra.publication (binding_id, kind, version, credential_id, grace,"
        "                                  deadline)"
        " SELECT $1, CASE WHEN ended THEN 'unset' ELSE 'set' END, $2, $3,"
        "        coalesce($4, interval '1 hour'), coalesce($5, interval '7 days')"
        "   FROM appinfra.binding WHERE binding_id = $1 RETURNING publication_id"};
    int64 version = binding::next_version(binding_id);

    if (version == 0)
        return 0;
    query::run(supersede, {query::int8(binding_id)});
    query::run(insert, {query::int8(binding_id), query::int8(version),
                        query::int8(credential_id == 0 ? -1 : credential_id),
                        query::interval(grace), query::interval(deadline)});
    wakeup::wake_at_commit(wakeup::Work::publications);
    return query::int8_at(0, 1);
}

int
cancel(int64 binding_id, int64 credential_id)
{
    static query::Query update = {
        "UPDATE appinfra.publication SET status = 'cancelled', ended_at = clock_timestamp(),"
        "       lease_until = NULL"
        " WHERE status IN ('pending', 'claimed') AND kind = 'set'"
        "   AND (binding_id = $1 OR credential_id = $2)"};

    return static_cast<int>(
        query::run(update, {query::int8(binding_id == 0 ? -1 : binding_id),
                            query::int8(credential_id == 0 ? -1 : credential_id)}));
}

void
retry(int64 publication_id)
{
    static query::Query select = {
        "SELECT p.status, b.ended AND (p.kind = 'set' OR EXISTS (SELECT FROM appinfra.variable v"
        "         WHERE v.target = b.target AND v.variable = ANY (b.variables)"
        "           AND v.binding_id IS NOT NULL)), EXISTS (SELECT FROM appinfra.publication n"
        "         WHERE n.binding_id = p.binding_id AND n.version > p.version), b.db_id"
        "  FROM appinfra.publication p JOIN appinfra.binding b USING (binding_id)"
        " WHERE publication_id = $1 FOR UPDATE OF p FOR NO KEY UPDATE OF b"};
    static query::Query update = {
        "UPDATE appinfra.publication SET status = 'pending', not_before = clock_timestamp(),"
        "       ended_at = NULL WHERE publication_id = $1"};

    with_spi([&](MemoryContext) {
        const char *hint = "Only a failed publication can be retried.";

        if (query::run(select, {query::int8(publication_id)}) == 0)
            raise(refuse(ERRCODE_UNDEFINED_OBJECT,
                         psprintf("publication " INT64_FORMAT " does not exist", publication_id),
                         nullptr, "Look at appinfra.publications."));
        const char *status = query::text_at(0, 1);
        const char *db_id = query::text_at(0, 4);
        if (query::bool_at(0, 3) || query::bool_at(0, 2))
            hint = "A newer publication of the same variables replaced it.";
        else if (strcmp(status, "failed") == 0)
            hint = nullptr;
        if (hint != nullptr)
            raise(refuse(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                         psprintf("publication " INT64_FORMAT " cannot be retried", publication_id),
                         psprintf("Its status is \"%s\".", status), hint));
        query::run(update, {query::int8(publication_id)});
        wakeup::wake_at_commit(wakeup::Work::publications);
        audit::record("retry_publication", db_id, nullptr,
                      audit::detail({{"publication_id", psprintf(INT64_FORMAT, publication_id)}}));
    });
}

} // namespace appinfra::publication
