/* Takes the answers to claims: extended, completed, failed, late. Part of publication.hpp. */
#include "delivery/publication.hpp"

#include "audit/audit.hpp"
#include "base/query.hpp"
#include "base/scope.hpp"
#include "registry/credential.hpp"
#include "shmem/wakeup.hpp"

namespace appinfra::publication
{

/* Whether a claim is held, was held and may answer late, has answered late, or never was. */
enum class Hold { held, lost, answered, unknown };

constexpr int error_limit = 512; /* bytes kept of an error */

/* A publication as an answer to one of its claims finds it; the row is locked. */
struct Answered {
    Hold hold;
    const char *status;
    int64 binding_id;
    int64 credential_id;
    const char *db_id;
    bool binding_locked; /* false: another transaction holds it */
};

static Answered find_answered(int64 publication_id, const pg_uuid_t *claim);
static void answer_late(int64 publication_id, const pg_uuid_t *claim, const Answered &found);
static void retire_predecessors(int64 publication_id);
static void record(const char *action, int64 publication_id, const char *db_id,
                   const char *key = nullptr, const char *value = nullptr);
static char *without_secrets(const char *error);

bool
extend(int64 publication_id, const pg_uuid_t *claim, const Interval *lease)
{
    static query::Query update = {
        "UPDATE appinfra.publication SET lease_until = clock_timestamp() + $3"
        " WHERE publication_id = $1 AND claim = $2 AND status = 'claimed'"
        " RETURNING (SELECT db_id FROM appinfra.binding b"
        "             WHERE b.binding_id = publication.binding_id), lease_until"};
    bool held = false;

    with_spi([&](MemoryContext) {
        held = query::run(update, {query::int8(publication_id), query::uuid(claim),
                                   query::interval(lease)}) == 1;
        if (held)
            record("extend_claim", publication_id, query::text_at(0, 1), "lease_until",
                   query::text_at(0, 2));
    });
    return held;
}

bool
complete(int64 publication_id, const pg_uuid_t *claim, const Jsonb *response)
{
    static query::Query publish = {
        "UPDATE appinfra.publication SET status = 'published', lease_until = NULL,"
        "       ended_at = clock_timestamp(), response = $2"
        " WHERE publication_id = $1"};
    bool held = false;

    with_spi([&](MemoryContext) {
        Answered found = find_answered(publication_id, claim);

        /* the same answer once more, because the first reply to it was lost: still true */
        held = found.hold == Hold::held &&
               (strcmp(found.status, "claimed") == 0 || strcmp(found.status, "published") == 0);
        if (held && strcmp(found.status, "claimed") == 0) {
            query::run(publish, {query::int8(publication_id), query::jsonb(response)});
            retire_predecessors(publication_id);
            record("complete_publication", publication_id, found.db_id);
        } else if (!held && found.hold != Hold::answered) {
            answer_late(publication_id, claim, found);
        }
    });
    return held;
}

char *
fail(int64 publication_id, const pg_uuid_t *claim, const char *error, Delivered delivered,
     Datum retry_at, bool for_good)
{
    static query::Query update = {
        "UPDATE appinfra.publication p SET lease_until = NULL, error = $2,"
        "       delivered = CASE WHEN $3 THEN 'unknown' ELSE 'no' END,"
        "       not_before = coalesce($4, not_before),"
        "       ended_at = CASE WHEN s.next <> 'pending' THEN clock_timestamp() END,"
        "       status = s.next"
        "  FROM (SELECT CASE WHEN EXISTS (SELECT FROM appinfra.publication n"
        "                                  WHERE n.status = 'pending' AND n.binding_id = $5)"
        "                    THEN 'superseded' WHEN $4 IS NULL THEN 'failed'"
        "                    ELSE 'pending' END AS next) s"
        " WHERE publication_id = $1 RETURNING status"};
    static query::Query give_up_lease = {
        "UPDATE appinfra.publication SET lease_until = clock_timestamp() - interval '1 second'"
        " WHERE publication_id = $1"};
    char *status = nullptr;

    with_spi([&](MemoryContext caller) {
        Answered found = find_answered(publication_id, claim);
        const char *result = found.status;

        if (found.hold == Hold::held && strcmp(found.status, "claimed") == 0) {
            if (delivered == Delivered::no && found.credential_id != 0)
                credential::take_back(found.credential_id);
            if (!found.binding_locked) {
                /* somebody is about to replace this publication: the next claim decides */
                query::run(give_up_lease, {query::int8(publication_id)});
                record("fail_publication", publication_id, found.db_id, "delivered",
                       delivered == Delivered::unknown ? "unknown" : "no");
                in_context(caller, [&] { status = pstrdup("claimed"); });
                return;
            }
            query::run(update,
                       {query::int8(publication_id), query::text(without_secrets(error)),
                        query::boolean(delivered == Delivered::unknown),
                        query::timestamp(retry_at, for_good), query::int8(found.binding_id)});
            result = query::text_at(0, 1);
            record("fail_publication", publication_id, found.db_id, "delivered",
                   delivered == Delivered::unknown ? "unknown" : "no");
            if (!for_good)
                wakeup::wake_at_commit(wakeup::Work::publications);
        } else if (found.hold == Hold::lost) {
            answer_late(publication_id, claim, found);
        }
        in_context(caller, [&] { status = pstrdup(result); });
    });
    return status;
}

/*
 * Locks the publication and says what the claim is to it. Raises 42704 for an unknown id or claim.
 * As everywhere, tenant and binding are locked before it: for a claim that is held the binding, if
 * it is free; for one that was lost both, since it has more to do there.
 */
static Answered
find_answered(int64 publication_id, const pg_uuid_t *claim)
{
    static query::Query lock_free = {
        "SELECT FROM appinfra.publication p JOIN appinfra.binding b USING (binding_id)"
        " WHERE p.publication_id = $1 AND p.claim = $2 FOR NO KEY UPDATE OF b SKIP LOCKED"};
    static query::Query lock_lost = {
        "SELECT FROM appinfra.publication p JOIN appinfra.binding b USING (binding_id)"
        "  JOIN appinfra.tenant t ON t.db_id = b.db_id"
        " WHERE p.publication_id = $1 AND p.claim IS DISTINCT FROM $2"
        "   FOR NO KEY UPDATE OF t, b"};
    static query::Query select = {
        "SELECT CASE WHEN p.claim = $2 THEN 0 WHEN $2 = ANY (p.past_claims) THEN 1"
        "            WHEN $2 = ANY (p.answered_claims) THEN 2 ELSE 3 END, p.status,"
        "       p.binding_id, p.credential_id, b.db_id"
        "  FROM appinfra.publication p JOIN appinfra.binding b USING (binding_id)"
        " WHERE p.publication_id = $1 FOR UPDATE OF p"};

    bool locked = query::run(lock_free, {query::int8(publication_id), query::uuid(claim)}) > 0 ||
                  query::run(lock_lost, {query::int8(publication_id), query::uuid(claim)}) > 0;
    if (query::run(select, {query::int8(publication_id), query::uuid(claim)}) == 0)
        raise(refuse(ERRCODE_UNDEFINED_OBJECT,
                     psprintf("publication " INT64_FORMAT " does not exist", publication_id)));
    Answered found = {.hold = static_cast<Hold>(query::int4_at(0, 1)),
                      .status = query::text_at(0, 2),
                      .binding_id = query::int8_at(0, 3),
                      .credential_id = query::int8_at(0, 4),
                      .db_id = query::text_at(0, 5),
                      .binding_locked = locked};
    if (found.hold == Hold::unknown)
        raise(refuse(ERRCODE_UNDEFINED_OBJECT,
                     psprintf("publication " INT64_FORMAT " was never given to this claim",
                              publication_id)));
    /* a claim that a revocation ended was held, and is held no more */
    if (found.hold == Hold::held && strcmp(found.status, "cancelled") == 0)
        found.hold = Hold::lost;
    return found;
}

/*
 * Answers a claim that was lost: what it delivered may stand over something newer, so the binding
 * is published once more. Only the first such answer of a claim counts.
 */
static void
answer_late(int64 publication_id, const pg_uuid_t *claim, const Answered &found)
{
    static query::Query forget = {
        "UPDATE appinfra.publication SET past_claims = array_remove(past_claims, $2),"
        "       answered_claims = answered_claims || $2, claim = nullif(claim, $2)"
        " WHERE publication_id = $1"};
    /* who holds the variables now: the binding itself, or one that took them over when it ended */
    static query::Query holders = {"SELECT DISTINCT coalesce(v.binding_id, b.binding_id) AS id"
                                   "  FROM appinfra.binding b JOIN appinfra.variable v"
                                   "    ON v.target = b.target AND v.variable = ANY (b.variables)"
                                   " WHERE b.binding_id = $1 ORDER BY id"};
    static query::Query lock_binding = {
        "SELECT EXISTS (SELECT FROM appinfra.publication p"
        "                WHERE p.binding_id = b.binding_id AND p.status = 'pending'),"
        "       t.status = 'ready' OR b.ended"
        "  FROM appinfra.binding b JOIN appinfra.tenant t USING (db_id)"
        " WHERE b.binding_id = $1 FOR NO KEY UPDATE OF t, b"};

    query::run(forget, {query::int8(publication_id), query::uuid(claim)});
    uint64 count = query::run(holders, {query::int8(found.binding_id)});
    auto *ids = static_cast<int64 *>(palloc((count + 1) * sizeof(int64)));
    for (uint64 i = 0; i < count; i++)
        ids[i] = query::int8_at(i, 1);
    for (int64 id : std::span(ids, count)) {
        query::run(lock_binding, {query::int8(id)});
        if (!query::bool_at(0, 1) && query::bool_at(0, 2))
            enqueue(id, 0);
    }
    record("late_answer", publication_id, found.db_id);
}

/* Marks the delivered credential as published; those it replaces begin to retire. */
static void
retire_predecessors(int64 publication_id)
{
    static query::Query mark_published = {
        "UPDATE appinfra.credential c SET published_at = clock_timestamp()"
        "  FROM appinfra.publication p"
        " WHERE p.publication_id = $1 AND c.credential_id = p.credential_id"
        " RETURNING c.binding_id, c.credential_id, p.grace, p.deadline"};
    bool null;

    if (query::run(mark_published, {query::int8(publication_id)}) == 0)
        return;
    credential::replace_older(query::int8_at(0, 1), query::int8_at(0, 2),
                              DatumGetIntervalP(query::datum_at(0, 3, &null)),
                              DatumGetIntervalP(query::datum_at(0, 4, &null)));
    wakeup::wake_at_commit(wakeup::Work::credentials);
}

/* Records an answer in the audit. */
static void
record(const char *action, int64 publication_id, const char *db_id, const char *key,
       const char *value)
{
    const char *id = psprintf(INT64_FORMAT, publication_id);

    audit::record(action, db_id, nullptr,
                  key != nullptr ? audit::detail({{"publication_id", id}, {key, value}})
                                 : audit::detail({{"publication_id", id}}));
}

/*
 * Returns at most 512 bytes of the text with every run of characters long enough to be a password
 * blotted out: a producer may have echoed what it was sent.
 */
static char *
without_secrets(const char *error)
{
    StringInfoData clean;
    int length = strlen(error);

    initStringInfo(&clean);
    for (int at = 0; at < length && clean.len <= error_limit;) {
        int run = 0;

        while (at + run < length && (isalnum(static_cast<unsigned char>(error[at + run])) ||
                                     strchr("-_%", error[at + run]) != nullptr))
            run++;
        if (run >= secrets::password_length)
            appendStringInfoString(&clean, "***");
        else
            appendBinaryStringInfo(&clean, error + at, run);
        at += run;
        if (at < length)
            appendStringInfoChar(&clean, error[at++]);
    }
    /* only now: half a password would not have been long enough to be blotted out */
    clean.data[pg_mbcliplen(clean.data, clean.len, error_limit)] = '\0';
    return clean.data;
}

} // namespace appinfra::publication
