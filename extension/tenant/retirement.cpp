/* What the scheduler does for revocations, and waiting for it. The other half of revocation.hpp. */
#include "tenant/revocation.hpp"

#include "audit/audit.hpp"
#include "audit/events.hpp"
#include "base/identifiers.hpp"
#include "base/lock.hpp"
#include "base/scope.hpp"
#include "registry/credential.hpp"
#include "registry/owned.hpp"
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
struct WithSessions {
    int64 id;
    Oid role; /* 0: gone */
};

static void record_reported_logins();
static Revoked find_revoked(const char *username);
static void report_end(const Revoked &revoked, const char *username, int sessions);
static bool end_sessions_of(const WithSessions &credential);
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
    /* a login that is under way has now seen the revocation, or its session is seen here */
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
 * over since, or at its deadline; whichever is first. Any credential goes when it expires. What
 * belongs to a tenant that another transaction has locked comes later; what fails is put off, so
 * that it does not stand before all others.
 */
void
retire_due()
{
    static query::Query due = {
        "SELECT c.username::text, c.state = 'retiring', c.credential_id"
        "  FROM appinfra.credential c JOIN appinfra.tenant t USING (db_id)"
        " WHERE c.try_at <= clock_timestamp()"
        "   AND ((c.state IN ('active', 'retiring') AND c.valid_until <= clock_timestamp())"
        "    OR (c.state = 'retiring' AND (c.retire_by <= clock_timestamp() OR EXISTS ("
        "        SELECT FROM appinfra.credential s"
        "         WHERE s.binding_id = c.binding_id AND s.credential_id > c.credential_id"
        "           AND s.state IN ('active', 'retiring')"
        "           AND s.first_login_at + c.grace <= clock_timestamp()))))"
        " ORDER BY c.credential_id LIMIT 100 FOR NO KEY UPDATE OF t SKIP LOCKED"};

    in_transaction([&](MemoryContext) {
        query::Rows rows = query::run(due);

        for (uint64 i = 0; i < rows.count; i++) {
            const char *username = rows.text(i, 1);
            bool replaced = rows.boolean(i, 2);
            const Failure *failure =
                attempt_part([&] { revoke(username, replaced ? "replaced" : "expired"); });

            if (failure == nullptr)
                continue;
            ereport(LOG, (errmsg("could not retire \"%s\": %s", username, failure->message)));
            credential::put_off(rows.int8(i, 3), failure->message);
        }
    });
}

void
follow_logins()
{
    static query::Query unseen = {
        "SELECT a.oid FROM appinfra.credential c JOIN pg_catalog.pg_authid a"
        "    ON a.rolname = c.role_name"
        " WHERE c.first_login_at IS NULL AND c.state IN ('active', 'retiring')"
        " ORDER BY c.credential_id DESC LIMIT $1"};

    in_transaction([&](MemoryContext) {
        record_reported_logins();
        query::Rows rows = query::run(unseen, {query::int4(sessions::watched_limit)});
        std::span<const Oid> logins =
            query::collect<Oid>(rows, [&](uint64 row) { return rows.oid(row, 1); });
        sessions::watch(logins);
        /* a session that began before its login was watched, and is still there */
        for (Oid login : logins)
            if (sessions::count(login) > 0)
                credential::mark_used(login);
    });
}

/* Records the logins that have been reported; one that is locked is reported once more. */
static void
record_reported_logins()
{
    Oid locked[sessions::watched_limit];
    size_t count = 0;

    while (Oid login = sessions::take_login()) {
        if (!credential::mark_used(login) && count < lengthof(locked))
            locked[count++] = login;
    }
    for (Oid login : std::span(locked, count))
        sessions::put_back(login);
}

bool
end_sessions()
{
    static query::Query select = {
        "SELECT c.credential_id, coalesce(a.oid, 0::oid) FROM appinfra.credential c"
        "  LEFT JOIN pg_catalog.pg_authid a ON " IS_ROLE_OF_CREDENTIAL
        " WHERE c.state = 'revoked' AND c.sessions_ended_at IS NULL LIMIT 1000"
        "   FOR NO KEY UPDATE OF c SKIP LOCKED"};
    bool left = false;

    in_transaction([&](MemoryContext) {
        query::Rows rows = query::run(select);

        for (uint64 i = 0; i < rows.count; i++)
            if (end_sessions_of({.id = rows.int8(i, 1), .role = rows.oid(i, 2)}))
                left = true;
        if (rows.count > 0 && !left)
            wakeup::wake_at_commit(wakeup::Work::housekeeping);
    });
    return left;
}

/* Ends the credential's sessions and records how many there were; true while there are any. */
static bool
end_sessions_of(const WithSessions &credential)
{
    /* a login that is under way has now seen the revocation, or its session is seen here */
    lock::await(lock::Kind::revocation, psprintf(INT64_FORMAT, credential.id));
    int found = OidIsValid(credential.role) ? sessions::end_all(credential.role) : 0;
    credential::Ended ended = credential::record_sessions(credential.id, found);

    if (ended.db_id != nullptr)
        audit::record("end_sessions", ended.db_id, ended.username,
                      audit::detail({{"sessions", ended.sessions}}));
    return found > 0;
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
        "  LEFT JOIN pg_catalog.pg_authid a ON c.state <> 'gone' AND " IS_ROLE_OF_CREDENTIAL
        " WHERE c.username = $1::name AND c.username::text = $1 ORDER BY c.state = 'gone', "
        "c.credential_id DESC LIMIT 1"};

    query::Rows rows = query::run(select, {query::text(username)});
    if (rows.count != 1)
        raise(refuse(ERRCODE_UNDEFINED_OBJECT,
                     psprintf("credential \"%s\" does not exist", identifiers::excerpt(username)),
                     nullptr, "Look at appinfra.credentials."));
    auto state = states::parse<credential::State>(rows.text(0, 2));
    if (state != credential::State::revoked && state != credential::State::gone)
        raise(refuse(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                     psprintf("credential \"%s\" is not revoked", identifiers::excerpt(username)),
                     psprintf("Its state is \"%s\".", states::name(state)),
                     "appinfra.revoke_credential() revokes it."));
    Revoked revoked = {.id = rows.int8(0, 1), .role = rows.oid(0, 3), .db_id = {}};
    strlcpy(revoked.db_id, rows.text(0, 4), sizeof(revoked.db_id));
    return revoked;
}

/* Refuses while the revocation is the current transaction's own. */
static void
check_committed(int64 id)
{
    static query::Query select = {
        "SELECT appinfra.is_running(xmin) FROM appinfra.credential WHERE credential_id = $1"};

    if (query::run(select, {query::id(id)}).boolean(0, 1))
        raise(refuse(
            ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, "the revocation is not committed yet",
            "Sessions end when the transaction that revokes is committed.", "COMMIT first."));
}

} // namespace appinfra::revocation
