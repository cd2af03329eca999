/* Makes logins, and writes the table of credentials. See credential.hpp. */
#include "registry/credential.hpp"

#include "base/ddl.hpp"
#include "base/identifiers.hpp"
#include "base/label.hpp"
#include "base/query.hpp"
#include "registry/grants.hpp"
#include "registry/login_name.hpp"
#include "registry/login_settings.hpp"

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
        "                                 minted_at)"
        " VALUES ($1, $1, $2, $3, $4, CASE WHEN $5 THEN 'active' ELSE 'waiting' END,"
        "         CASE WHEN $5 THEN clock_timestamp() END)"
        " RETURNING credential_id"};
    const char *username = login_name::choose(purpose);

    make_role(purpose, username, password);
    query::Rows made = query::run(
        insert, {query::text(username), query::text(purpose.db_id), query::id(purpose.binding_id),
                 query::text(purpose.access), query::boolean(password != nullptr)});
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
        "UPDATE appinfra.credential SET state = 'waiting', minted_at = NULL"
        " WHERE credential_id = $1 AND state = 'active' RETURNING role_name"};
    query::Rows rows = query::run(update, {query::id(credential_id)});

    if (rows.count == 1)
        ddl::set_password(rows.text(0, 1), nullptr);
}

/* What can succeed all credentials of the binding that somebody may have. */
#define WAITING_AND_NEWEST                                                                         \
    "SELECT credential_id, role_name::text FROM appinfra.credential c"                             \
    " WHERE binding_id = $1 AND state = 'waiting' AND NOT EXISTS ("                                \
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
                                  " AND EXISTS (SELECT FROM pg_catalog.pg_authid"
                                  "              WHERE rolname = role_name)"
                                  " ORDER BY credential_id <> $2, credential_id LIMIT 1"};
    query::Rows rows = query::run(select, {query::id(binding_id), query::int8(first_choice)});

    if (rows.count == 0)
        return {};
    return {.id = rows.int8(0, 1), .username = rows.text(0, 2)};
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
mark_used(const char *role_name)
{
    static query::Query select = {"SELECT credential_id FROM appinfra.credential"
                                  " WHERE role_name = $1::name AND state IN ('active', 'retiring')"
                                  "   AND first_login_at IS NULL"};
    static query::Query update = {
        "UPDATE appinfra.credential SET first_login_at = clock_timestamp()"
        " WHERE credential_id = (SELECT credential_id FROM appinfra.credential"
        "                         WHERE credential_id = $1 AND first_login_at IS NULL"
        "                           FOR NO KEY UPDATE SKIP LOCKED)"};
    query::Rows unused = query::run(select, {query::text(role_name)});

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

std::span<const Renaming>
free_role_names(const char *db_id)
{
    static query::Query update = {
        "UPDATE appinfra.credential SET role_name = ('appinfra_gone_' || credential_id)::name"
        "  FROM (SELECT credential_id AS id, role_name AS former FROM appinfra.credential) o"
        " WHERE db_id = $1 AND o.id = credential_id AND state = 'revoked'"
        "   AND role_name::text <> 'appinfra_gone_' || credential_id"
        " RETURNING o.former::text, role_name::text"};
    query::Rows rows = query::run(update, {query::text(db_id)});

    return query::collect<Renaming>(rows, [&](uint64 row) {
        return Renaming{.from = rows.text(row, 1), .to = rows.text(row, 2)};
    });
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
        "       last_error = NULL WHERE credential_id = $1 RETURNING db_id, username::text"};
    query::Rows rows = query::run(update, {query::id(credential_id)});

    return {.db_id = rows.text(0, 1), .username = rows.text(0, 2)};
}

void
put_off(int64 credential_id, const char *error)
{
    static query::Query update = {
        "UPDATE appinfra.credential SET attempts = attempts + 1, last_error = $2,"
        "       try_at = clock_timestamp()"
        "                + make_interval(secs => least(300, 2 ^ least(attempts, 9)))"
        " WHERE credential_id = $1"};

    query::run(update, {query::id(credential_id), query::text(error)});
}

/* Makes the role: one group, its label, CONNECT on its database, what its sessions start with. */
static void
make_role(const Purpose &purpose, const char *username, const secrets::Password *password)
{
    ddl::create_login(username, identifiers::group_role(purpose.database, purpose.access));
    if (password != nullptr)
        ddl::set_password(username, secrets::verifier(password));
    ddl::label_role(username, label::of_login(purpose.db_id, purpose.access));
    grants::open_to_login(purpose.database, username, purpose.access);
    login_settings::write(username, purpose.database, purpose.access);
}

} // namespace appinfra::credential
