/* Publishes stale bindings once more, and closes what was there before. See republication.hpp. */
#include "tenant/republication.hpp"

#include "audit/audit.hpp"
#include "base/ddl.hpp"
#include "base/query.hpp"
#include "base/scope.hpp"
#include "base/settings.hpp"
#include "registry/binding.hpp"
#include "registry/owned.hpp"
#include "registry/publication.hpp"
#include "registry/published_key.hpp"
#include "registry/stale.hpp"
#include "registry/tenant.hpp"
#include "tenant/readiness.hpp"

namespace appinfra::republication
{

/* A stale binding; its tenant is locked. */
struct Stale {
    int64 id;
    const char *db_id;
    int64 credential_id; /* 0: what was published delivers none, or nothing is published yet */
    int64 refused_id;    /* the publication that was to unset what is not ours; 0: none */
};

static void finish_healed();
static void heal(const Stale &found);
static void close_predecessors(const Stale &found);
static void publish_due();
static void publish(const Stale &found);
static void attempt_each(const query::Rows &rows, void (*step)(const Stale &));

/* What heals a stale binding b (a hand-out never does): it is above what may be lost, and sets or
 * unsets as it should. */
#define HEALS                                                                                      \
    "p.binding_id = b.binding_id AND p.version > b.stale_version"                                  \
    " AND p.kind = CASE WHEN b.ended THEN 'unset' ELSE 'set' END"

int32
republish(const char *db_id)
{
    int32 count = 0;

    require(readiness::check_transaction());
    require(readiness::check_host());
    with_spi([&](MemoryContext) {
        tenant::Tenant tenant = tenant::lock_ready(db_id);

        for (const binding::Binding &binding :
             binding::of_tenant(tenant.db_id, binding::Which::living)) {
            binding::lock(binding.id);
            if (!stale::mark(binding.id))
                continue;
            publication::enqueue(binding.id, 0);
            count++;
        }
        for (const binding::Binding &binding : published_key::of_tenant(tenant.db_id)) {
            binding::lock(binding.id);
            if (!stale::mark(binding.id))
                continue;
            publication::enqueue(binding.id, 0);
            count++;
        }
        audit::record("republish", tenant.db_id, nullptr,
                      audit::detail({{"bindings", psprintf("%d", count)}}));
    });
    return count;
}

void
follow()
{
    static TimestampTz last;
    TimestampTz now = GetCurrentTimestamp();

    finish_healed();
    /* a clock that was set back counts as a second, too */
    if (now >= last && now < TimestampTzPlusMilliseconds(last, 1000))
        return;
    last = now;
    publish_due();
}

/* A later binding has the variables of b, and overwrites or unsets what stands in them. */
#define HAS_SUCCESSOR                                                                              \
    "EXISTS (SELECT FROM appinfra.binding n"                                                       \
    "         WHERE n.target = b.target AND n.variables @> b.variables"                            \
    "           AND n.binding_id > b.binding_id"                                                   \
    "           AND EXISTS (SELECT FROM appinfra.publication s WHERE s.binding_id = "              \
    "n.binding_id))"

/* Stale bindings b of tenants, or of buckets, that are published again. */
#define HEALED(owner, id)                                                                          \
    "SELECT b.binding_id, " id ", p.credential_id,"                                                \
    "       CASE p.status WHEN 'failed' THEN p.publication_id END"                                 \
    "  FROM appinfra.binding b JOIN appinfra." owner                                               \
    " CROSS JOIN LATERAL (SELECT p.* FROM appinfra.publication p"                                  \
    "        WHERE " HEALS " AND (p.status = 'published' OR (b.ended AND p.status = 'failed'"      \
    "          AND (p.error ~ '^HTTP (404|410|409 foreign_owner)' OR " HAS_SUCCESSOR ")))"         \
    "        ORDER BY p.publication_id DESC LIMIT 1) p"                                            \
    " WHERE b.stale_version IS NOT NULL AND b.try_at <= clock_timestamp()"                         \
    " LIMIT 100 FOR NO KEY UPDATE OF t SKIP LOCKED"

/*
 * Ends what has been published: logins that stood there before are closed. An app that the producer
 * does not know, a variable that is somebody else's, or one that was provided again, has nothing
 * left to be unset.
 */
static void
finish_healed()
{
    static query::Query healed[] = {{HEALED("tenant t USING (db_id)", "b.db_id")},
                                    {HEALED("bucket t USING (bucket_id)", "b.bucket_id")},
                                    {HEALED("tenant t ON t.db_id = b.workspace", "b.workspace")}};

    for (query::Query &query : healed)
        in_transaction([&](MemoryContext) { attempt_each(query::run(query), heal); });
}

static void
heal(const Stale &found)
{
    binding::lock(found.id);
    if (found.credential_id != 0)
        close_predecessors(found);
    if (found.refused_id != 0)
        publication::mark_superseded(found.refused_id);
    stale::forget(found.id);
}

/* Lets nobody log in with what the binding had before this credential. */
static void
close_predecessors(const Stale &found)
{
    static query::Query open = {
        "SELECT c.credential_id, c.username::text FROM appinfra.credential c"
        "  JOIN pg_catalog.pg_authid a ON " IS_ROLE_OF_CREDENTIAL
        " WHERE c.binding_id = $1 AND c.credential_id < $2 AND a.rolcanlogin"
        "   AND c.state IN ('waiting', 'active', 'retiring') ORDER BY 1"};
    query::Rows rows = query::run(open, {query::id(found.id), query::id(found.credential_id)});

    for (uint64 i = 0; i < rows.count; i++) {
        const owned::Object login = owned::lock_login(rows.int8(i, 1));

        if (login.name == nullptr)
            continue;
        ddl::close_login(login.name);
        audit::record("close_login", found.db_id, rows.text(i, 2));
    }
}

/* Stale bindings b of tenants, or of buckets, that no publication is to heal yet. */
#define STALE(owner, id, living)                                                                   \
    "SELECT b.binding_id, " id ", NULL::bigint, NULL::bigint"                                      \
    "  FROM appinfra.binding b JOIN appinfra." owner                                               \
    " WHERE b.stale_version IS NOT NULL AND b.try_at <= clock_timestamp()"                         \
    "   AND (b.ended OR t.status " living ")"                                                      \
    "   AND NOT EXISTS (SELECT FROM appinfra.publication p WHERE " HEALS                           \
    "                      AND p.status NOT IN ('superseded', 'cancelled'))"                       \
    " ORDER BY (SELECT max(publication_id) FROM appinfra.publication n"                            \
    "            WHERE n.binding_id = b.binding_id) DESC NULLS LAST, b.binding_id DESC"            \
    " LIMIT $1 FOR NO KEY UPDATE OF t SKIP LOCKED"

/*
 * Owes publications to as many stale bindings as one second may have. What belongs to a tenant that
 * another transaction has locked comes later, and so does what fails.
 */
static void
publish_due()
{
    static query::Query due[] = {
        {STALE("tenant t USING (db_id)", "b.db_id", "= 'ready'")},
        {STALE("bucket t USING (bucket_id)", "b.bucket_id", "IN ('planned', 'ready')")},
        {STALE("tenant t ON t.db_id = b.workspace", "b.workspace", "= 'ready'")}};

    for (query::Query &query : due)
        in_transaction([&](MemoryContext) {
            attempt_each(query::run(query, {query::int4(settings::republish_rate)}), publish);
        });
}

/* Owes one more publication; where somebody else has filled the variables there is none to owe. */
static void
publish(const Stale &found)
{
    binding::lock(found.id);
    if (publication::enqueue(found.id, 0) == 0)
        stale::forget(found.id);
}

/* Takes the step with each binding; one that fails is put off, so that it does not keep others. */
static void
attempt_each(const query::Rows &rows, void (*step)(const Stale &))
{
    for (uint64 i = 0; i < rows.count; i++) {
        const Stale found = {.id = rows.int8(i, 1),
                             .db_id = rows.text(i, 2),
                             .credential_id = rows.int8(i, 3),
                             .refused_id = rows.int8(i, 4)};
        const Failure *failure = attempt_part([&] { step(found); });

        if (failure == nullptr)
            continue;
        ereport(LOG, (errmsg("could not publish a binding of \"%s\" again: %s", found.db_id,
                             failure->message)));
        binding::put_off(found.id, failure->message);
    }
}

} // namespace appinfra::republication
