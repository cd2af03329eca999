/* What the scheduler does for revocations, and waiting for it. The other half of revocation.hpp. */
#include "tenant/revocation.hpp"

#include "audit/audit.hpp"
#include "audit/events.hpp"
#include "base/identifiers.hpp"
#include "base/lock.hpp"
#include "base/query.hpp"
#include "base/scope.hpp"
#include "shmem/sessions.hpp"
#include "shmem/wakeup.hpp"

namespace appinfra::revocation
{

/* A revoked credential as somebody waits for it. */
struct Revoked {
    int64 id;
    Oid role; /* 0: gone */
    char db_id[32];
};

/* A revoked credential whose sessions have not all ended. */
struct Ending {
    int64 id;
    Oid role;
};

static Revoked find_revoked(const char *username);
static void report_end(const Revoked &revoked, const char *username, int sessions);
static void check_committed(int64 id);

bool
wait(const char *username, const Interval *timeout)
{
    TimestampTz deadline = DatumGetTimestampTz(
        DirectFunctionCall2(timestamptz_pl_interval, TimestampTzGetDatum(GetCurrentTimestamp()),
                            IntervalPGetDatum(timeout)));
    Revoked revoked = {};
    bool reported = false;

    with_spi([&](MemoryContext) {
        revoked = find_revoked(username);
        check_committed(revoked.id);
    });
    /* from here on whoever is about to enter has seen the revocation, or is seen by us */
    lock::await(lock::Kind::revocation, psprintf(INT64_FORMAT, revoked.id));
    while (int found = OidIsValid(revoked.role) ? sessions::end_all(revoked.role) : 0) {
        if (!reported)
            report_end(revoked, username, found);
        reported = true;
        if (GetCurrentTimestamp() >= deadline)
            return false;
        WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, 5, PG_WAIT_EXTENSION);
        ResetLatch(MyLatch);
        CHECK_FOR_INTERRUPTS();
    }
    return true;
}

/*
 * A replaced credential goes when a later one of the same binding has logged in and the grace is
 * over since, or at its deadline; whichever is first. Any credential goes when it expires.
 */
void
retire_due()
{
    static query::Query due = {
        "SELECT c.username::text, c.state = 'retiring' FROM appinfra.credential c"
        " WHERE (c.state IN ('active', 'retiring') AND c.valid_until <= clock_timestamp())"
        "    OR (c.state = 'retiring' AND (c.retire_by <= clock_timestamp() OR EXISTS ("
        "        SELECT FROM appinfra.credential s"
        "         WHERE s.binding_id = c.binding_id AND s.credential_id > c.credential_id"
        "           AND s.state IN ('active', 'retiring')"
        "           AND s.first_login_at + c.grace <= clock_timestamp())))"
        " ORDER BY c.credential_id LIMIT 100"};

    in_transaction([&](MemoryContext) {
        uint64 count = query::run(due);
        SPITupleTable *rows = SPI_tuptable;

        for (uint64 i = 0; i < count; i++) {
            const char *username = SPI_getvalue(rows->vals[i], rows->tupdesc, 1);
            bool replaced = *SPI_getvalue(rows->vals[i], rows->tupdesc, 2) == 't';
            const Failure *failure =
                attempt_part([&] { revoke(username, replaced ? "replaced" : "expired"); });

            if (failure != nullptr)
                ereport(LOG, (errmsg("could not retire \"%s\": %s", username, failure->message)));
        }
    });
}

void
follow_logins()
{
    static query::Query record_login = {
        "UPDATE appinfra.credential SET first_login_at = clock_timestamp()"
        " WHERE role_name = $1::name AND state IN ('active', 'retiring')"
        "   AND first_login_at IS NULL"};
    static query::Query unseen = {
        "SELECT a.oid FROM appinfra.credential c JOIN pg_catalog.pg_authid a"
        "    ON a.rolname = c.role_name"
        " WHERE c.first_login_at IS NULL AND c.state IN ('active', 'retiring')"
        " ORDER BY c.credential_id DESC LIMIT $1"};

    in_transaction([&](MemoryContext) {
        Oid logins[sessions::watched_limit];

        while (Oid login = sessions::take_login())
            if (const char *name = GetUserNameFromId(login, true))
                query::run(record_login, {query::text(name)});
        uint64 count = query::run(unseen, {query::int4(sessions::watched_limit)});
        for (uint64 i = 0; i < count; i++)
            logins[i] = query::oid_at(i, 1);
        sessions::watch({logins, count});
        /* who came in before it was watched, and stays */
        for (Oid login : std::span(logins, count))
            if (sessions::count(login) > 0)
                query::run(record_login, {query::text(GetUserNameFromId(login, false))});
    });
}

bool
end_sessions()
{
    static query::Query select = {
        "SELECT c.credential_id, coalesce(a.oid, 0::oid) FROM appinfra.credential c"
        "  LEFT JOIN pg_catalog.pg_authid a ON a.rolname = c.role_name"
        " WHERE c.state = 'revoked' AND c.sessions_ended_at IS NULL LIMIT 1000"};
    static query::Query update = {
        "UPDATE appinfra.credential SET sessions_ended = coalesce(sessions_ended, $2),"
        "       sessions_ended_at = CASE WHEN $3 THEN clock_timestamp() END"
        " WHERE credential_id = $1 AND (sessions_ended IS NULL OR $3)"
        " RETURNING db_id, username::text, sessions_ended::text"};
    bool left = false;

    in_transaction([&](MemoryContext) {
        uint64 count = query::run(select);
        auto *endings = static_cast<Ending *>(palloc((count + 1) * sizeof(Ending)));

        for (uint64 i = 0; i < count; i++)
            endings[i] = {.id = query::int8_at(i, 1), .role = query::oid_at(i, 2)};
        for (const Ending &ending : std::span(endings, count)) {
            /* whoever is about to enter has now seen the revocation, or is seen here */
            lock::await(lock::Kind::revocation, psprintf(INT64_FORMAT, ending.id));
            int found = OidIsValid(ending.role) ? sessions::end_all(ending.role) : 0;

            left = left || found > 0;
            if (query::run(update, {query::int8(ending.id), query::int4(found),
                                    query::boolean(found == 0)}) > 0 &&
                found == 0)
                audit::record("end_sessions", query::text_at(0, 1), query::text_at(0, 2),
                              audit::detail({{"sessions", query::text_at(0, 3)}}));
        }
        if (count > 0 && !left)
            wakeup::wake_at_commit(wakeup::Work::housekeeping);
    });
    return left;
}

/* Tells the audit log whose sessions are being ended; the transaction may still be rolled back. */
static void
report_end(const Revoked &revoked, const char *username, int sessions)
{
    events::report({.action = "end_sessions",
                    .outcome = events::Outcome::done,
                    .rule = nullptr,
                    .db_id = revoked.db_id,
                    .credential = username,
                    .object = psprintf("%d sessions", sessions),
                    .observed = false});
}

/* Returns the latest credential of that name, or raises. */
static Revoked
find_revoked(const char *username)
{
    static query::Query select = {
        "SELECT c.credential_id, c.state, coalesce(a.oid, 0::oid), c.db_id FROM "
        "appinfra.credential c"
        "  LEFT JOIN pg_catalog.pg_authid a ON a.rolname = c.role_name AND c.state <> 'gone'"
        " WHERE c.username = $1::name AND c.username::text = $1 ORDER BY c.state = 'gone', "
        "c.credential_id DESC LIMIT 1"};

    if (query::run(select, {query::text(username)}) != 1)
        raise(refuse(ERRCODE_UNDEFINED_OBJECT,
                     psprintf("credential \"%s\" does not exist", identifiers::excerpt(username)),
                     nullptr, "Look at appinfra.credentials."));
    const char *state = query::text_at(0, 2);
    if (strcmp(state, "revoked") != 0 && strcmp(state, "gone") != 0)
        raise(refuse(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                     psprintf("credential \"%s\" is not revoked", identifiers::excerpt(username)),
                     psprintf("Its state is \"%s\".", state),
                     "appinfra.revoke_credential() revokes it."));
    Revoked revoked = {.id = query::int8_at(0, 1), .role = query::oid_at(0, 3), .db_id = {}};
    strlcpy(revoked.db_id, query::text_at(0, 4), sizeof(revoked.db_id));
    return revoked;
}

/* Refuses while the revocation is the current transaction's own. */
static void
check_committed(int64 id)
{
    static query::Query select = {
        "SELECT appinfra.is_running(xmin) FROM appinfra.credential WHERE credential_id = $1"};

    query::run(select, {query::int8(id)});
    if (query::bool_at(0, 1))
        raise(refuse(
            ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, "the revocation is not committed yet",
            "Sessions end when the transaction that revokes is committed.", "COMMIT first."));
}

} // namespace appinfra::revocation
