/* Writes audit rows. See audit.hpp. */
#include "audit/audit.hpp"

#include "base/json.hpp"
#include "base/query.hpp"

namespace appinfra::audit
{

static const char *client_address();

void
record(const char *action, const char *db_id, const char *credential, const Jsonb *detail)
{
    static query::Query insert = {
        "INSERT INTO appinfra.audit_log (actor, effective_role, application_name, client_address,"
        " action, db_id, credential, outcome, detail)"
        " VALUES ($1, $2, nullif($3, ''), $4, $5, $6, $7, 'done', $8)"};
    const char *application =
        MyBgworkerEntry != nullptr ? MyBgworkerEntry->bgw_type : application_name;
    const char *address = client_address();

    query::run(insert, {query::text(GetUserNameFromId(GetAuthenticatedUserId(), true)),
                        query::text(GetUserNameFromId(GetOuterUserId(), true)),
                        query::text(application), query::text(address), query::text(action),
                        query::text(db_id), query::text(credential), query::jsonb(detail)});
}

/* Returns the client's address: with log_hostname = on, the connection knows it by a name only. */
static const char *
client_address()
{
    char host[NI_MAXHOST];

    if (MyProcPort == nullptr)
        return nullptr;
    const SockAddr &address = MyProcPort->raddr;
    if (address.addr.ss_family == AF_UNIX ||
        pg_getnameinfo_all(&address.addr, address.salen, host, sizeof(host), nullptr, 0,
                           NI_NUMERICHOST) != 0)
        return MyProcPort->remote_host;
    return pstrdup(host);
}

const Jsonb *
detail(std::initializer_list<Item> items)
{
    json::Object object;

    json::begin(&object);
    for (const Item &item : items)
        json::add(&object, item.key, item.value);
    return json::end(&object);
}

} // namespace appinfra::audit
