/* Makes logins and hands over their passwords. See credential.hpp. */
#include "credential.hpp"

#include "ddl.hpp"
#include "label.hpp"
#include "lock.hpp"
#include "names.hpp"
#include "query.hpp"
#include "settings.hpp"

namespace appinfra::credential
{

static const char *choose_username(const Tenant &tenant);
static void make_role(const Tenant &tenant, const char *username, const char *access,
                      const secrets::Password *password);

bool
is_access(const char *word)
{
    for (const char *access : {"owner", "writer", "reader", "service"})
        if (strcmp(word, access) == 0)
            return true;
    return false;
}

Credential
create(const Tenant &tenant, const char *access, int64 binding_id,
       const secrets::Password *password)
{
    static query::Query insert = {
        "INSERT INTO appinfra.credential (username, db_id, binding_id, access, state, minted_at)"
        " VALUES ($1, $2, $3, $4, CASE WHEN $5 THEN 'active' ELSE 'waiting' END,"
        "         CASE WHEN $5 THEN clock_timestamp() END)"
        " RETURNING credential_id"};
    const char *username = choose_username(tenant);

    make_role(tenant, username, access, password);
    query::run(insert, {query::text(username), query::text(tenant.db_id),
                        query::int8(binding_id == 0 ? -1 : binding_id), query::text(access),
                        query::boolean(password != nullptr)});
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
        " WHERE credential_id = $1 AND state = 'active' RETURNING username"};

    if (query::run(update, {query::int8(credential_id)}) == 1)
        ddl::set_password(query::text_at(0, 1), nullptr);
}

char *
dsn(const char *username, const char *password, const char *database)
{
    StringInfoData url;
    bool ipv6 = strchr(settings::public_host, ':') != nullptr;

    initStringInfo(&url);
    appendStringInfoString(&url, "postgres://");
    names::append_percent_encoded(&url, username);
    appendStringInfoChar(&url, ':');
    names::append_percent_encoded(&url, password);
    appendStringInfoChar(&url, '@');
    if (ipv6)
        appendStringInfo(&url, "[%s]", settings::public_host);
    else
        names::append_percent_encoded(&url, settings::public_host);
    appendStringInfo(&url, ":%d/", settings::effective_public_port());
    names::append_percent_encoded(&url, database);
    appendStringInfo(&url, "?sslmode=%s", settings::effective_public_sslmode());
    return url.data;
}

/*
 * Returns the tenant's next login name that no role and no credential has, and no other transaction
 * is taking. The first is the database's own name.
 */
static const char *
choose_username(const Tenant &tenant)
{
    static query::Query next = {
        "UPDATE appinfra.tenant SET logins = logins + 1 WHERE db_id = $1 RETURNING logins"};
    static query::Query registered = {
        "SELECT FROM appinfra.credential WHERE username = $1::name AND state <> 'gone'"};

    for (;;) {
        if (query::run(next, {query::text(tenant.db_id)}) != 1)
            elog(ERROR, "tenant \"%s\" has vanished", tenant.db_id);
        const char *name = names::login(tenant.database, query::int4_at(0, 1));
        if (lock::try_take(lock::Kind::name, name) && !OidIsValid(get_role_oid(name, true)) &&
            query::run(registered, {query::text(name)}) == 0)
            return name;
    }
}

/* Makes the role: one group, its label, CONNECT on its database, what its sessions start with. */
static void
make_role(const Tenant &tenant, const char *username, const char *access,
          const secrets::Password *password)
{
    const char *group = names::group(tenant.database, access);
    bool reader = strcmp(access, "reader") == 0;
    const ddl::Setting settings[] = {
        {"role", group},
        {"statement_timeout", psprintf("%d", settings::tenant_statement_timeout)},
        {"idle_in_transaction_session_timeout",
         psprintf("%d", settings::tenant_idle_in_transaction_timeout)},
        {"temp_file_limit", psprintf("%d", settings::tenant_temp_file_limit)},
        {"default_transaction_read_only", "on"}, /* readers only */
    };

    ddl::create_login(username, group);
    if (password != nullptr)
        ddl::set_password(username, secrets::verifier(password));
    ddl::label_role(username, psprintf("%s login %s", tenant.db_id, access));
    ddl::grant_on_database(tenant.database, username, {"connect"});
    ddl::set_settings(username, std::span(settings).first(reader ? 5 : 4));
}

} // namespace appinfra::credential
