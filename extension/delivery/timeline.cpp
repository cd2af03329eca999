/* Raises the floor on a new timeline, and holds what may be a copy. See timeline.hpp. */
#include "delivery/timeline.hpp"

#include "audit/audit.hpp"
#include "base/query.hpp"
#include "base/scope.hpp"
#include "base/settings.hpp"
#include "delivery/floor.hpp"
#include "delivery/recovery.hpp"
#include "shmem/wakeup.hpp"

namespace appinfra::timeline
{

/* The registry's row of this host, as it was before; the row is locked. */
struct Host {
    bool known;                     /* nothing is to be done */
    int32 timeline;                 /* 0: a registry just made, which has given nothing away */
    std::optional<int64> system_id; /* none: not written down yet */
    const char *data_directory;     /* null pointers: the same */
    const char *public_host;
    bool restarted; /* since the floor was raised, and that matters */
    bool held;
};

static void settle_here();
static bool lock_host(Host *host);
static const char *why_held(const Host &host);
static const char *why_held_by_timeline(const Host &host);
static void hold(const char *cause);
static bool is_ready_for_callers();
static int32 current();
static const char *public_host();
static std::optional<TimestampTz> start_that_matters();

/* Whether the registry's host is this server, on this timeline; $1 to $5 are HERE. */
#define IS_HERE                                                                                    \
    "((timeline = $1 AND system_identifier = $2 AND data_directory = $3"                           \
    "  AND (public_host = $4 OR $4 = '') AND ($5 IS NULL OR settled_start = $5)) IS TRUE)"
#define HERE                                                                                       \
    query::int4(current()), query::int8(static_cast<int64>(GetSystemIdentifier())),                \
        query::text(DataDir), query::text(public_host()), query::timestamp(start_that_matters())

constexpr long look_again_ms = 20;

bool
is_settled()
{
    static query::Query select = {"SELECT " IS_HERE " AND held_since IS NULL FROM appinfra.host"};
    query::Rows rows = query::run(select, {HERE});

    return rows.count == 1 && rows.boolean(0, 1);
}

const Refusal *
await()
{
    TimestampTz deadline =
        TimestampTzPlusMilliseconds(GetCurrentTimestamp(), settings::provision_timeout);

    while (!is_ready_for_callers()) {
        if (MyBgworkerEntry != nullptr || GetCurrentTimestamp() >= deadline)
            return refuse(ERRCODE_CANNOT_CONNECT_NOW,
                          psprintf("the registry is not ready for timeline %d yet", current()),
                          "Ids that a lost timeline has given away are not skipped yet.",
                          "Try again; the appinfra scheduler does it within seconds.");
        WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, look_again_ms,
                  PG_WAIT_EXTENSION);
        ResetLatch(MyLatch);
        CHECK_FOR_INTERRUPTS();
    }
    return nullptr;
}

void
settle()
{
    static query::Query select = {"SELECT " IS_HERE " FROM appinfra.host"};
    bool here = true;

    in_transaction([&](MemoryContext) {
        query::Rows rows = query::run(select, {HERE});

        here = rows.count != 1 || rows.boolean(0, 1);
        if (!here)
            settle_here();
    });
    if (!here)
        recovery::forget();
}

std::optional<int64>
accept(TimestampTz point)
{
    static query::Query release = {
        "UPDATE appinfra.host h SET held_since = NULL, held_because = NULL, restored_to = $1"
        "  FROM (SELECT held_because FROM appinfra.host) f WHERE h.held_since IS NOT NULL"
        " RETURNING f.held_because, h.floor, $1::text"};
    std::optional<int64> marked;

    PreventCommandIfReadOnly("accept_restore()");
    PreventCommandDuringRecovery("accept_restore()");
    with_spi([&](MemoryContext) {
        settle_here();
        query::Rows rows = query::run(release, {query::timestamp(point)});
        if (rows.count == 0)
            return;
        marked = floor::publish_above(rows.int8(0, 2));
        audit::record("accept_restore", nullptr, nullptr,
                      audit::detail({{"point", rows.text(0, 3)},
                                     {"held_because", rows.text(0, 1)},
                                     {"stale", psprintf(INT64_FORMAT, *marked)}}));
        wakeup::wake_at_commit(wakeup::Work::publications | wakeup::Work::credentials);
    });
    return marked;
}

/* Raises the floor where something may be lost, holds what may be a copy, writes down where we are.
 */
static void
settle_here()
{
    static query::Query mark = {
        "UPDATE appinfra.host SET timeline = $1, system_identifier = $2, data_directory = $3,"
        "       public_host = coalesce(nullif($4, ''), public_host),"
        "       settled_start = coalesce($5, settled_start)"};
    Host host;

    if (!lock_host(&host) || host.known)
        return;
    const char *cause = host.timeline == 0 ? nullptr : why_held(host);
    query::run(mark, {HERE});
    if (cause == nullptr && (host.timeline == 0 || (host.timeline == current() && !host.restarted)))
        return; /* nothing is lost, only written down */
    const int64 raised = floor::raise(current() - host.timeline);
    floor::give_up_shells();
    int64 stale = cause == nullptr && !host.held ? floor::publish_above(raised) : 0;
    audit::record("new_timeline", nullptr, nullptr,
                  audit::detail({{"timeline", psprintf("%d", current())},
                                 {"floor", psprintf(INT64_FORMAT, raised)},
                                 {"stale", psprintf(INT64_FORMAT, stale)}}));
    if (cause != nullptr)
        hold(cause);
    wakeup::wake_at_commit(wakeup::Work::pool | wakeup::Work::credentials);
}

/* Locks and reads the host's row; false when there is none. */
static bool
lock_host(Host *host)
{
    static query::Query select = {
        "SELECT " IS_HERE ", timeline, system_identifier, data_directory, public_host,"
        "       ($5 IS NOT NULL AND settled_start IS DISTINCT FROM $5), held_since IS NOT NULL"
        "  FROM appinfra.host FOR NO KEY UPDATE"};
    query::Rows rows = query::run(select, {HERE});

    if (rows.count != 1)
        return false;
    *host = {.known = rows.boolean(0, 1),
             .timeline = rows.int4(0, 2),
             .system_id = {},
             .data_directory = rows.text(0, 4),
             .public_host = rows.text(0, 5),
             .restarted = rows.boolean(0, 6),
             .held = rows.boolean(0, 7)};
    if (!rows.is_null(0, 3))
        host->system_id = rows.int8(0, 3);
    return true;
}

/* Returns why this server may be a copy of the registry's; a null pointer: it is none. */
static const char *
why_held(const Host &host)
{
    if (host.system_id && *host.system_id != static_cast<int64>(GetSystemIdentifier()))
        return "its system identifier is another: the registry comes from a dump, or the server "
               "was upgraded";
    if (const char *cause = why_held_by_timeline(host))
        return cause;
    if (host.public_host != nullptr && public_host()[0] != '\0' &&
        strcmp(host.public_host, public_host()) != 0)
        return psprintf("appinfra.public_host was \"%s\" and is \"%s\"", host.public_host,
                        public_host());
    return nullptr;
}

/* The same, by how it came to its timeline. Only a promoted standby may be in another directory. */
static const char *
why_held_by_timeline(const Host &host)
{
    bool promoted = host.timeline < current() && recovery::kind() == recovery::Kind::standby;

    if (host.timeline > current())
        return psprintf("its timeline %d is before the registry's, %d", current(), host.timeline);
    if (host.timeline < current())
        if (const char *target = recovery::target_since(host.timeline))
            return psprintf("it was recovered to a target (%s)", target);
    if (!promoted && host.data_directory != nullptr && strcmp(host.data_directory, DataDir) != 0)
        return psprintf("its data directory was \"%s\" and is \"%s\"", host.data_directory,
                        DataDir);
    return nullptr;
}

/* Hands out no publication from now on. */
static void
hold(const char *cause)
{
    static query::Query update = {
        "UPDATE appinfra.host SET held_since = coalesce(held_since, clock_timestamp()),"
        "       held_because = $1"};

    query::run(update, {query::text(cause)});
    audit::record("hold_publications", nullptr, nullptr, audit::detail({{"because", cause}}));
    ereport(WARNING, (errmsg("appinfra hands out no publication: this server may be a copy"),
                      errdetail("It is held because %s.", cause),
                      errhint("If it takes the original's place: SELECT "
                              "appinfra.accept_restore('the time to which it was restored').")));
}

/*
 * Tells whether callers may make ids. What a process has seen once stays so: a standby's sessions
 * that survive its promotion have not asked before.
 */
static bool
is_ready_for_callers()
{
    static query::Query select = {
        "SELECT timeline = 0 OR (timeline = $1 AND ($2 IS NULL OR settled_start = $2)) IS TRUE"
        "  FROM appinfra.host"};
    static int32 ready_for;

    if (RecoveryInProgress() || ready_for == current())
        return true;
    with_spi([&](MemoryContext) {
        query::Rows rows =
            query::run(select, {query::int4(current()), query::timestamp(start_that_matters())});
        bool is_new = rows.count != 1;

        if (is_new || rows.boolean(0, 1))
            ready_for = current();
    });
    return ready_for == current();
}

static int32
current()
{
    return static_cast<int32>(GetWALInsertionTimeLine());
}

/* As new sessions have it, whatever this one has set. */
static const char *
public_host()
{
    return GetConfigOptionResetString("appinfra.public_host");
}

/* Returns when the server was started, if each start is to be taken for one that has lost
 * something. */
static std::optional<TimestampTz>
start_that_matters()
{
    if (settings::republish != settings::republish_always)
        return {};
    return PgStartTime;
}

} // namespace appinfra::timeline
