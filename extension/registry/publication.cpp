/* Owes and cancels publications, and writes their table. See publication.hpp. */
#include "registry/publication.hpp"

#include "shmem/wakeup.hpp"

namespace appinfra::publication
{

static void supersede_former_holders(int64 binding_id);

int64
enqueue(int64 binding_id, int64 credential_id, const Interval *grace, const Interval *deadline)
{
    static query::Query supersede = {
        "UPDATE appinfra.publication p SET status = 'superseded', ended_at = clock_timestamp()"
        " WHERE binding_id = $1 AND status = 'pending'"};
    static query::Query insert = {
        "INSERT INTO appinfra.publication (binding_id, kind, version, credential_id, key_number,"
        "                                  grace, deadline)"
        " SELECT $1, CASE WHEN ended THEN 'unset' ELSE 'set' END, $2,"
        "        CASE WHEN db_id IS NOT NULL THEN $3 END,"
        "        CASE WHEN workspace IS NOT NULL THEN $3 END,"
        "        coalesce($4, interval '1 hour'), coalesce($5, interval '7 days')"
        "   FROM appinfra.binding WHERE binding_id = $1 RETURNING publication_id"};
    int64 version = binding::next_version(binding_id);

    if (version == 0)
        return 0;
    query::run(supersede, {query::id(binding_id)});
    supersede_former_holders(binding_id);
    query::Rows made =
        query::run(insert, {query::id(binding_id), query::int8(version), query::id(credential_id),
                            query::interval(grace), query::interval(deadline)});
    wakeup::wake_at_commit(wakeup::Work::publications);
    return made.int8(0, 1);
}

/* What former holders of the binding's variables have not unset yet, it overwrites, or unsets. */
static void
supersede_former_holders(int64 binding_id)
{
    static query::Query update = {
        "UPDATE appinfra.publication p SET status = 'superseded', ended_at = clock_timestamp()"
        "  FROM appinfra.binding n JOIN appinfra.binding b"
        "    ON b.target = n.target AND b.variables <@ n.variables"
        " WHERE n.binding_id = $1 AND b.ended AND b.binding_id <> n.binding_id"
        "   AND p.binding_id = b.binding_id AND p.status = 'pending'"};

    query::run(update, {query::id(binding_id)});
}

#define CANCEL                                                                                     \
    "UPDATE appinfra.publication SET status = 'cancelled', ended_at = clock_timestamp(),"          \
    "       lease_until = NULL"                                                                    \
    " WHERE status IN ('pending', 'claimed') AND kind <> 'unset' AND "

void
cancel_of_binding(int64 binding_id)
{
    static query::Query update = {CANCEL "binding_id = $1"};

    query::run(update, {query::id(binding_id)});
}

void
cancel_of_credential(int64 credential_id)
{
    static query::Query update = {CANCEL "credential_id = $1"};

    query::run(update, {query::id(credential_id)});
}

void
cancel_of_bucket_key(int64 bucket_key_id)
{
    static query::Query update = {CANCEL "bucket_key_id = $1"};

    query::run(update, {query::id(bucket_key_id)});
}

void
cancel_of_key(const char *key_id)
{
    static query::Query update = {
        CANCEL "key_number = (SELECT number FROM appinfra.key WHERE key_id = $1)"};

    query::run(update, {query::text(key_id)});
}

int64
begin_handout(int64 binding_id, int64 bucket_key_id, const Interval *deadline, const Claim &claim)
{
    static query::Query insert = {
        "INSERT INTO appinfra.publication (binding_id, kind, status, version, bucket_key_id,"
        "                                  deadline, attempt, claim, worker, claimed_at,"
        "                                  lease_until)"
        " SELECT $1, 'handout', 'claimed', version, $2, $3, 1, $4, $5, clock_timestamp(),"
        "        clock_timestamp() + $6"
        "   FROM appinfra.binding WHERE binding_id = $1 RETURNING publication_id"};

    return query::run(insert, {query::id(binding_id), query::id(bucket_key_id),
                               query::interval(deadline), query::uuid(claim.id),
                               query::text(claim.worker), query::interval(claim.lease)})
        .int8(0, 1);
}

void
fail_lost_handouts()
{
    static query::Query update = {
        "UPDATE appinfra.publication SET status = 'failed', lease_until = NULL,"
        "       error = 'the one who asked for the key is gone', delivered = 'unknown',"
        "       ended_at = clock_timestamp()"
        " WHERE publication_id = ANY (ARRAY(SELECT publication_id FROM appinfra.publication"
        "        WHERE kind = 'handout' AND status = 'claimed'"
        "          AND lease_until < clock_timestamp() FOR UPDATE SKIP LOCKED))"};

    query::run(update);
}

bool
is_pending(int64 binding_id)
{
    static query::Query select = {"SELECT FROM appinfra.publication"
                                  " WHERE binding_id = $1 AND status = 'pending'"};

    return query::run(select, {query::id(binding_id)}).count > 0;
}

bool
is_under_way(int64 binding_id)
{
    static query::Query select = {
        "SELECT FROM appinfra.publication"
        " WHERE binding_id = $1 AND status IN ('pending', 'claimed') LIMIT 1"};

    return query::run(select, {query::id(binding_id)}).count > 0;
}

bool
may_be_delivered(int64 binding_id)
{
    static query::Query select = {
        "SELECT FROM appinfra.binding b JOIN appinfra.binding o"
        "    ON o.target = b.target AND o.variables && b.variables"
        "  JOIN appinfra.publication p ON p.binding_id = o.binding_id"
        " WHERE b.binding_id = $1 AND p.kind = 'set'"
        /* a timeline that was lost may have delivered what this one knows nothing of */
        "   AND (p.attempt > 0 OR EXISTS (SELECT FROM appinfra.host WHERE floor > 0)) LIMIT 1"};

    return query::run(select, {query::id(binding_id)}).count > 0;
}

void
mark_retried(int64 publication_id)
{
    static query::Query update = {
        "UPDATE appinfra.publication SET status = 'pending', not_before = clock_timestamp(),"
        "       ended_at = NULL WHERE publication_id = $1"};

    query::run(update, {query::id(publication_id)});
    wakeup::wake_at_commit(wakeup::Work::publications);
}

int32
mark_claimed(const Claim &claim)
{
    static query::Query update = {
        "UPDATE appinfra.publication p SET status = 'claimed', attempt = attempt + 1, version = $2,"
        "       credential_id = CASE WHEN b.db_id IS NOT NULL THEN $3 END,"
        "       bucket_key_id = CASE WHEN b.bucket_id IS NOT NULL THEN $3 END,"
        "       key_number = CASE WHEN b.workspace IS NOT NULL THEN $3 END,"
        "       worker = $4, claimed_at = clock_timestamp(),"
        "       lease_until = clock_timestamp() + $5, claim = $6, error = NULL, delivered = NULL,"
        "       past_claims = CASE WHEN claim IS NULL THEN past_claims"
        "                          ELSE past_claims || claim END"
        "  FROM (SELECT binding_id AS id, db_id, bucket_id, workspace FROM appinfra.binding) b"
        " WHERE publication_id = $1 AND b.id = p.binding_id RETURNING p.attempt"};

    return query::run(update, {query::id(claim.publication_id), query::int8(claim.version),
                               query::id(claim.credential_id), query::text(claim.worker),
                               query::interval(claim.lease), query::uuid(claim.id)})
        .int4(0, 1);
}

/* Another binding holds a variable of the publication p, or has held it since. */
#define LOST_A_VARIABLE                                                                            \
    "EXISTS (SELECT FROM appinfra.binding b JOIN appinfra.variable v"                              \
    "            ON v.target = b.target AND v.variable = ANY (b.variables)"                        \
    "         WHERE b.binding_id = p.binding_id AND v.binding_id <> b.binding_id"                  \
    "           AND " VARIABLE_IS_FILLED ") "

bool
supersede_if_outdated(int64 publication_id)
{
    static query::Query update = {
        "UPDATE appinfra.publication p SET status = 'superseded', ended_at = clock_timestamp(),"
        "       past_claims = past_claims || claim, claim = NULL, lease_until = NULL"
        " WHERE p.publication_id = $1 AND p.status = 'claimed' AND (EXISTS ("
        "       SELECT FROM appinfra.publication n"
        "        WHERE n.binding_id = p.binding_id AND n.status = 'pending')"
        "        OR " LOST_A_VARIABLE ")"};

    return query::run(update, {query::id(publication_id)}).count > 0;
}

void
mark_superseded(int64 publication_id)
{
    static query::Query update = {"UPDATE appinfra.publication SET status = 'superseded'"
                                  " WHERE publication_id = $1 AND status = 'failed'"};

    query::run(update, {query::id(publication_id)});
}

bool
has_competitor(int64 publication_id, int64 binding_id)
{
    static query::Query select = {
        "SELECT FROM appinfra.publication"
        " WHERE binding_id = $2 AND status = 'claimed' AND publication_id <> $1"};

    return query::run(select, {query::id(publication_id), query::id(binding_id)}).count > 0;
}

void
put_off(int64 publication_id, const char *error)
{
    static query::Query update = {
        "UPDATE appinfra.publication SET status = 'pending', error = $2, lease_until = NULL,"
        "       not_before = clock_timestamp() + interval '1 minute' WHERE publication_id = $1"};

    query::run(update, {query::id(publication_id), query::text(error)});
}

Extension
extend(int64 publication_id, const pg_uuid_t *claim, const Interval *lease)
{
    static query::Query update = {
        "UPDATE appinfra.publication SET lease_until = clock_timestamp() + $3"
        " WHERE publication_id = $1 AND claim = $2 AND status = 'claimed'"
        " RETURNING (SELECT coalesce(db_id, bucket_id, workspace) FROM appinfra.binding b"
        "             WHERE b.binding_id = publication.binding_id), lease_until"};
    query::Rows rows =
        query::run(update, {query::id(publication_id), query::uuid(claim), query::interval(lease)});

    if (rows.count == 0)
        return {};
    return {.owner_id = rows.text(0, 1), .lease_until = rows.text(0, 2)};
}

void
mark_published(int64 publication_id, const Jsonb *response)
{
    static query::Query update = {
        "UPDATE appinfra.publication SET status = 'published', lease_until = NULL,"
        "       ended_at = clock_timestamp(), response = $2"
        " WHERE publication_id = $1"};

    query::run(update, {query::id(publication_id), query::jsonb(response)});
}

Status
mark_failed(int64 publication_id, int64 binding_id, const Failure &failure)
{
    static query::Query update = {
        "UPDATE appinfra.publication p SET lease_until = NULL, error = $2,"
        "       delivered = CASE WHEN $3 THEN 'unknown' ELSE 'no' END,"
        "       not_before = coalesce($4, not_before),"
        "       ended_at = CASE WHEN s.next <> 'pending' THEN clock_timestamp() END,"
        "       status = s.next"
        /* one of its binding that is newer takes its place */
        "  FROM (SELECT CASE WHEN EXISTS (SELECT FROM appinfra.publication n"
        "                                  WHERE n.status = 'pending' AND n.binding_id = $5)"
        "                      OR " LOST_A_VARIABLE "THEN 'superseded'"
        /* else it is tried again, or has failed for good */
        "                    WHEN $4 IS NULL THEN 'failed' ELSE 'pending' END AS next"
        "          FROM appinfra.publication p WHERE p.publication_id = $1) s"
        " WHERE publication_id = $1 RETURNING status"};
    query::Rows rows =
        query::run(update, {query::id(publication_id), query::text(failure.error),
                            query::boolean(failure.delivered == Delivered::unknown),
                            query::timestamp(failure.retry_at), query::id(binding_id)});

    if (failure.retry_at)
        wakeup::wake_at_commit(wakeup::Work::publications);
    return states::parse<Status>(rows.text(0, 1));
}

void
give_up_lease(int64 publication_id)
{
    static query::Query update = {
        "UPDATE appinfra.publication SET lease_until = clock_timestamp() - interval '1 second'"
        " WHERE publication_id = $1"};

    query::run(update, {query::id(publication_id)});
}

void
give_up_leases()
{
    static query::Query update = {"UPDATE appinfra.publication SET lease_until = clock_timestamp()"
                                  " WHERE status = 'claimed' AND lease_until > clock_timestamp()"};

    query::run(update);
}

void
mark_answered(int64 publication_id, const pg_uuid_t *claim)
{
    static query::Query update = {
        "UPDATE appinfra.publication SET past_claims = array_remove(past_claims, $2),"
        "       answered_claims = answered_claims || $2, claim = nullif(claim, $2)"
        " WHERE publication_id = $1"};

    query::run(update, {query::id(publication_id), query::uuid(claim)});
}

} // namespace appinfra::publication
