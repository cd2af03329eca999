/* Makes logins, and writes the table of credentials. See credential.hpp. */
#include "registry/credential.hpp"

#include "base/ddl.hpp"
#include "base/identifiers.hpp"
#include "base/label.hpp"
#include "base/query.hpp"
#include "registry/grants.hpp"
#include "registry/login_name.hpp"
#include "registry/login_settings.hpp"
#include "registry/owned.hpp"
#include "registry/put_off.hpp"

namespace appinfra::credential
{

static void make_role(const Purpose &purpose, const char *username,
                      const secrets::Password *password);

const Refusal *
check_access(const char *word, const char *of)
{
    for (const char *access : identifiers::accesses)
        if (word != nullptr && strcmp(word, access) == 0)
            return nullptr;
    return refuse(ERRCODE_INVALID_PARAMETER_VALUE, psprintf("invalid access for %s", of),
                  word != nullptr ? psprintf("\"%s\" is not an access.", identifiers::excerpt(word))
                                  : "The access is not a string.",
                  "Access is one of owner, writer, reader, service.");
}

Credential
create(const Purpose &purpose, const secrets::Password *password)
{
    static query::Query insert = {
        "INSERT INTO appinfra.credential (username, role_name, db_id, binding_id, access, state,"
        "                                 minted_at, role_oid, gateway)"
        " VALUES ($1, $1, $2, $3, $4, CASE WHEN $5 THEN 'active' ELSE 'waiting' END,"
        "         CASE WHEN $5 THEN clock_timestamp() END, $6, $7)"
        " RETURNING credential_id"};
    const char *username = login_name::choose(purpose);

    make_role(purpose, username, password);
    query::Rows made = query::run(
        insert, {query::text(username), query::text(purpose.db_id), query::id(purpose.binding_id),
                 query::text(purpose.access), query::boolean(password != nullptr),
                 query::oid(get_role_oid(username, false)), query::text(purpose.gateway)});
    return {.id = made.int8(0, 1), .username = username};
}

void
hand_over(const Credential &credential, const secrets::Password &password)
{
    static query::Query update = {
        "UPDATE appinfra.credential SET state = 'active', minted_at = clock_timestamp()"
        " WHERE credential_id = $1"};

    ddl::set_password(credential.username, secrets::verifier(&password));
    query::run(update, {query::id(credential.id)});
}

void
withdraw_password(int64 credential_id)
{
    static query::Query update = {
        "UPDATE appinfra.credential c SET state = 'waiting', minted_at = NULL"
        " WHERE credential_id = $1 AND state = 'active' RETURNING"
        "       (SELECT a.rolname::text FROM pg_catalog.pg_authid a"
        "         WHERE " IS_ROLE_OF_CREDENTIAL ")"};
    query::Rows rows = query::run(update, {query::id(credential_id)});

    if (rows.count == 1 && rows.text(0, 1) != nullptr)
        ddl::set_password(rows.text(0, 1), nullptr);
}

/* What can succeed all credentials of the binding that somebody may have, and whose role is there.
 */
#define WAITING_AND_NEWEST                                                                         \
    "SELECT credential_id, a.rolname::text FROM appinfra.credential c"                             \
    "  JOIN pg_catalog.pg_authid a ON " IS_ROLE_OF_CREDENTIAL                                      \
    " WHERE binding_id = $1 AND state = 'waiting' AND c.access = (SELECT b.access"                 \
    "         FROM appinfra.binding b WHERE b.binding_id = $1) AND NOT EXISTS ("                   \
    "  SELECT FROM appinfra.credential n WHERE n.binding_id = c.binding_id"                        \
    "     AND n.credential_id > c.credential_id AND n.state IN ('active', 'retiring'))"

Credential
find_waiting(int64 binding_id)
{
    static query::Query select = {WAITING_AND_NEWEST " ORDER BY credential_id LIMIT 1"};
    query::Rows rows = query::run(select, {query::id(binding_id)});

    if (rows.count == 0)
        return {};
    return {.id = rows.int8(0, 1), .username = rows.text(0, 2)};
}

Credential
find_deliverable(int64 binding_id, int64 first_choice)
{
    static query::Query select = {WAITING_AND_NEWEST
                                  " ORDER BY credential_id <> $2, credential_id LIMIT 1"};
    query::Rows rows = query::run(select, {query::id(binding_id), query::int8(first_choice)});

    if (rows.count == 0)
        return {};
    return {.id = rows.int8(0, 1), .username = rows.text(0, 2)};
}

const char *
newest_name(int64 binding_id)
{
    static query::Query select = {"SELECT username::text FROM appinfra.credential"
                                  " WHERE binding_id = $1 AND state IN ('waiting', 'active')"
                                  " ORDER BY credential_id DESC LIMIT 1"};
    query::Rows rows = query::run(select, {query::id(binding_id)});

    return rows.count == 1 ? rows.text(0, 1) : nullptr;
}

void
mark_published(int64 credential_id)
{
    static query::Query update = {
        "UPDATE appinfra.credential SET published_at = clock_timestamp() WHERE credential_id = $1"};

    query::run(update, {query::id(credential_id)});
}

void
retire_older(int64 binding_id, int64 credential_id, const Interval *grace, const Interval *deadline)
{
    static query::Query update = {
        "UPDATE appinfra.credential SET state = 'retiring', grace = $3,"
        "       retire_by = clock_timestamp() + $4"
        " WHERE binding_id = $1 AND credential_id < $2 AND state IN ('waiting', 'active')"};

    query::run(update, {query::id(binding_id), query::id(credential_id), query::interval(grace),
                        query::interval(deadline)});
}

bool
mark_used(Oid role)
{
    static query::Query select = {
        "SELECT credential_id FROM appinfra.credential c"
        "  JOIN pg_catalog.pg_authid a ON " IS_ROLE_OF_CREDENTIAL
        " WHERE a.oid = $1 AND state IN ('active', 'retiring') AND first_login_at IS NULL"};
    static query::Query update = {
        "UPDATE appinfra.credential SET first_login_at = clock_timestamp()"
        " WHERE credential_id = (SELECT credential_id FROM appinfra.credential"
        "                         WHERE credential_id = $1 AND first_login_at IS NULL"
        "                           FOR NO KEY UPDATE SKIP LOCKED)"};
    query::Rows unused = query::run(select, {query::oid(role)});

    return unused.count == 0 || query::run(update, {query::id(unused.int8(0, 1))}).count > 0;
}

void
expire_after(const Credential &credential, const Interval *time)
{
    static query::Query update = {
        "UPDATE appinfra.credential SET valid_until = clock_timestamp() + $2"
        " WHERE credential_id = $1 RETURNING valid_until"};
    query::Rows rows = query::run(update, {query::id(credential.id), query::interval(time)});

    ddl::set_valid_until(credential.username, DatumGetTimestampTz(rows.datum(0, 1)));
}

void
retire_gateways(const Purpose &purpose, const Interval *after)
{
    static query::Query update = {
        "UPDATE appinfra.credential SET state = 'retiring', retire_by = clock_timestamp() + $4"
        " WHERE db_id = $1 AND access = $2 AND gateway = $3 AND state = 'active'"};

    query::run(update, {query::text(purpose.db_id), query::text(purpose.access),
                        query::text(purpose.gateway), query::interval(after)});
}

std::span<const char *const>
find_gateways(const char *gateway)
{
    static query::Query select = {
        "SELECT username::text FROM appinfra.credential"
        " WHERE gateway = $1 AND state IN ('active', 'retiring') ORDER BY db_id, credential_id"};
    query::Rows rows = query::run(select, {query::text(gateway)});

    return query::collect<const char *>(rows, [&](uint64 row) { return rows.text(row, 1); });
}

void
mark_revoked(int64 credential_id, const char *reason)
{
    static query::Query update = {
        "UPDATE appinfra.credential SET state = 'revoked', revoked_at = clock_timestamp(),"
        "       reason = $2, attempts = 0, last_error = NULL,"
        /* what held up its retirement need not hold up what comes next */
        "       try_at = CASE WHEN attempts > 0 THEN clock_timestamp() ELSE try_at END"
        " WHERE credential_id = $1"};

    query::run(update, {query::id(credential_id), query::text(reason)});
}

void
record_role_name(int64 credential_id, const char *role_name)
{
    static query::Query update = {
        "UPDATE appinfra.credential SET role_name = $2::name WHERE credential_id = $1"};

    query::run(update, {query::id(credential_id), query::text(role_name)});
}

const char *
freed_name(int64 credential_id)
{
    return psprintf("appinfra_gone_" INT64_FORMAT, credential_id);
}

std::span<const int64>
find_revoked(const char *db_id)
{
    static query::Query select = {"SELECT credential_id FROM appinfra.credential"
                                  " WHERE db_id = $1 AND state = 'revoked' ORDER BY 1"};
    query::Rows rows = query::run(select, {query::text(db_id)});

    return query::collect<int64>(rows, [&](uint64 row) { return rows.int8(row, 1); });
}

Ended
record_sessions(int64 credential_id, int found)
{
    static query::Query update = {
        "UPDATE appinfra.credential SET sessions_ended = coalesce(sessions_ended, $2),"
        "       sessions_ended_at = CASE WHEN $3 THEN clock_timestamp() END"
        " WHERE credential_id = $1 AND (sessions_ended IS NULL OR $3)"
        " RETURNING db_id, username::text, sessions_ended::text"};
    query::Rows rows = query::run(
        update, {query::id(credential_id), query::int4(found), query::boolean(found == 0)});

    if (rows.count == 0 || found > 0)
        return {};
    return {.db_id = rows.text(0, 1), .username = rows.text(0, 2), .sessions = rows.text(0, 3)};
}

Gone
mark_gone(int64 credential_id)
{
    static query::Query update = {
        "UPDATE appinfra.credential SET state = 'gone', gone_at = clock_timestamp(),"
        "       last_error = NULL WHERE credential_id = $1 RETURNING db_id, username::text,"
        "       role_name::text"};
    query::Rows rows = query::run(update, {query::id(credential_id)});

    return {.db_id = rows.text(0, 1), .username = rows.text(0, 2), .role_name = rows.text(0, 3)};
}

void
put_off(int64 credential_id, const char *error)
{
    static query::Query update = {"UPDATE appinfra.credential SET " PUT_OFF
                                  " WHERE credential_id = $1"};

    query::run(update, {query::id(credential_id), query::text(error)});
}

/* Makes the role: one group, its label, CONNECT on its database, what its sessions start with. */
static void
make_role(const Purpose &purpose, const char *username, const secrets::Password *password)
{
    const char *group = owned::group_name(purpose.db_id, purpose.database, purpose.access);

    ddl::create_login(username, group);
    if (password != nullptr)
        ddl::set_password(username, secrets::verifier(password, purpose.gateway != nullptr
                                                                    ? secrets::few_scram_iterations
                                                                    : secrets::scram_iterations));
    ddl::label_role(username,
                    label::of_login(purpose.db_id, purpose.access, purpose.gateway != nullptr));
    grants::open_to_login(purpose.database, username, purpose.access);
    login_settings::write({.username = username,
                           .access = purpose.access,
                           .group = group,
                           .db_id = purpose.db_id,
                           .database = purpose.database});
}

} // namespace appinfra::credential
