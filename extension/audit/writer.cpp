/* Writes events into the audit log. See writer.hpp. */
#include "audit/writer.hpp"

#include "audit/audit.hpp"
#include "audit/buckets.hpp"
#include "audit/ring.hpp"
#include "base/installation.hpp"
#include "base/json.hpp"
#include "base/scope.hpp"

namespace appinfra::events::writer
{

/* The most that one transaction writes. */
constexpr int records_at_once = 512;
constexpr int counts_at_once = 32;

static void insert(const Record &record);
static const Jsonb *detail_of(const Record &record, const char *role);
static const char *json_time(TimestampTz time);
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

/* Writes one row. An actor or a database that is not known, or not the same for all, is a "-". */
static void
insert(const Record &record)
{
    const char *actor = role_name(record.actor, record.actor_name);
    const char *role = role_name(record.role, "");
    const char *db_id = clean(record.db_id);
    const char *credential = clean(record.credential);
    const char *action = clean(record.action);
    const char *database = database_name(record.database, record.database_name);
    auto or_unknown = [](const char *name) {
        return name != nullptr ? name : "-";
    };

    audit::insert({.time = record.time,
                   .actor = or_unknown(actor),
                   .effective_role = or_unknown(role != nullptr ? role : actor),
                   .application = clean(record.application),
                   .address = clean(record.address),
                   .database = or_unknown(database),
                   .action = or_unknown(action),
                   .db_id = db_id,
                   .credential = credential == nullptr && db_id != nullptr ? actor : credential,
                   .outcome = record.outcome,
                   .detail = detail_of(record, role),
                   .end_user = nullptr});
}

/* Returns the members of `detail`: the fields without a column of their own; null for none. */
static const Jsonb *
detail_of(const Record &record, const char *role)
{
    const char *current = role_name(record.current_role, "");
    json::Object detail;
    int members = 0;
    auto add = [&](bool wanted, const char *key, auto value) {
        if (wanted)
            json::add(&detail, key, value);
        members += wanted ? 1 : 0;
    };

    json::begin(&detail);
    add(record.rule[0] != '\0', "rule", clean(record.rule));
    add(record.object[0] != '\0', "object", clean(record.object));
    add(record.observed, "observed", true);
    add(current != nullptr && (role == nullptr || strcmp(current, role) != 0), "current_role",
        current);
    add(record.count != 0, "count", record.count);
    add(record.count > 0, "since", json_time(record.since));
    const Jsonb *made = json::end(&detail);
    return members > 0 ? made : nullptr;
}

/* Returns a time as JSON has it. */
static const char *
json_time(TimestampTz time)
{
    auto *text = static_cast<char *>(palloc(MAXDATELEN + 1));

    return JsonEncodeDateTime(text, TimestampTzGetDatum(time), TIMESTAMPTZOID, nullptr);
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

/* Returns the text, with ? for bytes that are not of this encoding; null for an empty text. */
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

/* The work of this process is over; the server can still write. */
static void
at_exit(int, Datum)
{
    AbortOutOfAnyTransaction();
    if (installation::current().version == installation::Version::ours)
        while (write(true))
            ;
}

} // namespace appinfra::events::writer
