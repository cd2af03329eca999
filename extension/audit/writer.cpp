/* Writes events into the audit log. See writer.hpp. */
#include "audit/writer.hpp"

#include "audit/buckets.hpp"
#include "audit/ring.hpp"
#include "base/installation.hpp"
#include "base/query.hpp"
#include "base/scope.hpp"

namespace appinfra::events::writer
{

/* What one transaction writes at most. */
constexpr int records_at_once = 512;
constexpr int counts_at_once = 32;

static void insert(const Record &record);
static const char *role_name(Oid role, const char *known);
static const char *database_name(Oid database, const char *known);
static const char *clean(const char *text);
static void at_exit(int code, Datum argument);

bool
write(bool everything)
{
    auto *counts = static_cast<buckets::Count *>(palloc(counts_at_once * sizeof(buckets::Count)));
    int waiting = ring::waiting();
    int records = Min(waiting, records_at_once);
    int count = buckets::due(counts, counts_at_once, everything);

    if (records == 0 && count == 0)
        return false;
    in_transaction([&](MemoryContext) {
        for (int i = 0; i < records; i++)
            insert(ring::at(i));
        for (const buckets::Count &written : std::span(counts, count))
            insert(written.record);
    });
    ring::remove(records);
    for (const buckets::Count &written : std::span(counts, count))
        buckets::settle(written);
    return records < waiting || count == counts_at_once;
}

void
write_at_exit()
{
    before_shmem_exit(at_exit, 0);
}

/* Writes one row. Who is not known, or not one alone, is a "-". */
static void
insert(const Record &record)
{
    static query::Query row = {
        "INSERT INTO appinfra.audit_log (time, actor, effective_role, application_name,"
        " client_address, database, action, db_id, credential, outcome, detail)"
        " VALUES ($1, coalesce($2, '-'), coalesce($3, $2, '-'), $4, $5, coalesce($6, '-'),"
        "  coalesce($7, '-'), $8, coalesce($9, CASE WHEN $8 IS NOT NULL THEN $2 END), $10,"
        "  nullif(jsonb_strip_nulls(jsonb_build_object('rule', $11, 'object', $12,"
        "   'observed', nullif($13, false), 'current_role', nullif($14, $3),"
        "   'count', nullif($15, 0), 'since', CASE WHEN $15 > 0 THEN $16 END)), '{}'))"};

    query::run(row,
               {query::timestamp(record.time),
                query::text(role_name(record.actor, record.actor_name)),
                query::text(role_name(record.role, "")), query::text(clean(record.application)),
                query::text(clean(record.address)),
                query::text(database_name(record.database, record.database_name)),
                query::text(clean(record.action)), query::text(clean(record.db_id)),
                query::text(clean(record.credential)), query::text(audit::name_of(record.outcome)),
                query::text(clean(record.rule)), query::text(clean(record.object)),
                query::boolean(record.observed), query::text(role_name(record.current_role, "")),
                query::int8(record.count), query::timestamp(record.since)});
}

/* Returns the role's name: as it was known then, or is now, or its number; null for nobody. */
static const char *
role_name(Oid role, const char *known)
{
    if (known[0] != '\0')
        return clean(known);
    if (!OidIsValid(role))
        return nullptr;
    const char *name = GetUserNameFromId(role, true);
    return name != nullptr ? name : psprintf("%u", role);
}

static const char *
database_name(Oid database, const char *known)
{
    if (known[0] != '\0')
        return clean(known);
    if (!OidIsValid(database))
        return nullptr;
    const char *name = get_database_name(database);
    return name != nullptr ? name : psprintf("%u", database);
}

/* Returns the text in this database's encoding, with ? for what is not; null for an empty one. */
static const char *
clean(const char *text)
{
    if (text[0] == '\0')
        return nullptr;
    if (pg_verifymbstr(text, static_cast<int>(strlen(text)), true))
        return text;
    char *copy = pstrdup(text);
    for (char *at = copy; *at != '\0'; at++)
        if (IS_HIGHBIT_SET(*at))
            *at = '?';
    return copy;
}

/* Whatever this process was doing is over; the server can still write. */
static void
at_exit(int, Datum)
{
    AbortOutOfAnyTransaction();
    if (installation::current().version == installation::Version::ours)
        while (write(true))
            ;
}

} // namespace appinfra::events::writer
