/* Makes logins and hands over their passwords. See credential.hpp. */
#include "registry/credential.hpp"

#include "base/ddl.hpp"
#include "base/identifiers.hpp"
#include "base/lock.hpp"
#include "base/query.hpp"
#include "base/settings.hpp"

namespace appinfra::credential
{

static const char *choose_username(const Purpose &purpose);
static const char *choose_service_username(const Purpose &purpose);
static bool take_name(const char *name);
static bool is_predecessor(const char *name, const Purpose &purpose);
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
    const char *username =
        purpose.service_id != nullptr ? choose_service_username(purpose) : choose_username(purpose);

    make_role(purpose, username, password);
    query::run(insert, {query::text(username), query::text(purpose.db_id),
                        query::int8(purpose.binding_id == 0 ? -1 : purpose.binding_id),
                        query::text(purpose.access), query::boolean(password != nullptr)});
    return {.id = query::int8_at(0, 1), .username = username};
}

void
hand_over(const Credential &credential, const secrets::Password &password)
{
    static query::Query update = {
        "UPDATE appinfra.credential SET state = 'active', minted_at = clock_timestamp()"
        " WHERE credential_id = $1"};

    ddl::set_password(credential.username, secrets::verifier(&password));
    query::run(update, {query::int8(credential.id)});
}

void
take_back(int64 credential_id)
{
    static query::Query update = {
        "UPDATE appinfra.credential SET state = 'waiting', minted_at = NULL"
        " WHERE credential_id = $1 AND state = 'active' RETURNING role_name"};

    if (query::run(update, {query::int8(credential_id)}) == 1)
        ddl::set_password(query::text_at(0, 1), nullptr);
}

void
replace_older(int64 binding_id, int64 credential_id, const Interval *grace,
              const Interval *deadline)
{
    static query::Query update = {
        "UPDATE appinfra.credential SET state = 'retiring', grace = $3,"
        "       retire_by = clock_timestamp() + $4"
        " WHERE binding_id = $1 AND credential_id < $2 AND state IN ('waiting', 'active')"};

    query::run(update, {query::int8(binding_id), query::int8(credential_id), query::interval(grace),
                        query::interval(deadline)});
}

void
set_login_settings(const char *username, const char *database, const char *access,
                   std::span<const ddl::Setting> more)
{
    const char *parallel = psprintf("%d", settings::tenant_parallel_workers);
    const ddl::Setting ours[] = {
        {"role", identifiers::group_role(database, access)},
        {"statement_timeout", psprintf("%d", settings::tenant_statement_timeout)},
        {"idle_in_transaction_session_timeout",
         psprintf("%d", settings::tenant_idle_in_transaction_timeout)},
        {"temp_file_limit", psprintf("%d", settings::tenant_temp_file_limit)},
        {"max_parallel_workers", parallel},
        {"max_parallel_workers_per_gather", parallel},
        {"default_transaction_read_only", "on"}, /* readers only */
    };
    size_t count = lengthof(ours) - (strcmp(access, "reader") == 0 ? 0 : 1);
    auto *all = static_cast<ddl::Setting *>(palloc((count + more.size()) * sizeof(ddl::Setting)));

    memcpy(all, ours, count * sizeof(ddl::Setting));
    for (size_t i = 0; i < more.size(); i++)
        all[count + i] = more[i];
    ddl::set_settings(username, {all, count + more.size()});
}

/* Returns the tenant's next login name that is free. The first is the database's own name. */
static const char *
choose_username(const Purpose &purpose)
{
    static query::Query next = {
        "UPDATE appinfra.tenant SET logins = logins + 1 WHERE db_id = $1 RETURNING logins"};

    for (;;) {
        if (query::run(next, {query::text(purpose.db_id)}) != 1)
            elog(ERROR, "tenant \"%s\" has vanished", purpose.db_id);
        const char *name = identifiers::numbered(purpose.database, query::int4_at(0, 1));
        if (take_name(name))
            return name;
    }
}

/*
 * Returns a name for a service user: the plain one; numbered, where the service's own predecessor
 * still has it; the form with the tenant in its hash, where somebody else has it.
 */
static const char *
choose_service_username(const Purpose &purpose)
{
    const char *name = identifiers::service_user(purpose.service_id, purpose.host_id);

    if (take_name(name))
        return name;
    if (!is_predecessor(name, purpose))
        name = identifiers::service_user_of(purpose.db_id, purpose.service_id, purpose.host_id);
    for (int n = 1;; n++) {
        const char *candidate = identifiers::numbered(name, n);

        if (take_name(candidate))
            return candidate;
    }
}

/* Locks the name and tells whether it is free: no role, no credential has it, nobody takes it. */
static bool
take_name(const char *name)
{
    static query::Query registered = {
        "SELECT FROM appinfra.credential WHERE role_name = $1::name AND state <> 'gone'"};

    return lock::try_take(lock::Kind::name, name) && !OidIsValid(get_role_oid(name, true)) &&
           query::run(registered, {query::text(name)}) == 0;
}

/* Tells whether an earlier user of the same service has the name. */
static bool
is_predecessor(const char *name, const Purpose &purpose)
{
    static query::Query select = {
        "SELECT FROM appinfra.credential c JOIN appinfra.binding b USING (binding_id)"
        " WHERE c.role_name = $1::name AND c.state <> 'gone'"
        "   AND b.db_id = $2 AND b.service_id = $3 AND b.host_id = $4"};

    return query::run(select, {query::text(name), query::text(purpose.db_id),
                               query::text(purpose.service_id), query::text(purpose.host_id)}) > 0;
}

/* Makes the role: one group, its label, CONNECT on its database, what its sessions start with. */
static void
make_role(const Purpose &purpose, const char *username, const secrets::Password *password)
{
    ddl::create_login(username, identifiers::group_role(purpose.database, purpose.access));
    if (password != nullptr)
        ddl::set_password(username, secrets::verifier(password));
    ddl::label_role(username, psprintf("%s login %s", purpose.db_id, purpose.access));
    ddl::grant_on_database(purpose.database, username, {"connect"});
    set_login_settings(username, purpose.database, purpose.access);
}

} // namespace appinfra::credential
