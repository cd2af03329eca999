/* Writes audit rows. See audit.hpp. */
#include "audit/audit.hpp"

#include "audit/changes.hpp"
#include "base/json.hpp"
#include "base/query.hpp"
#include "base/settings.hpp"

namespace appinfra::audit
{

static const char *client_address();

void
insert(const Row &row)
{
    static query::Query insert = {
        "INSERT INTO appinfra.audit_log (time, actor, effective_role, application_name,"
        " client_address, database, action, db_id, credential, outcome, detail, end_user)"
        " VALUES (coalesce($1, clock_timestamp()), $2, $3, nullif($4, ''), $5,"
        " coalesce($6, current_database()), $7, $8, $9, $10, $11, nullif($12, ''))"};

    query::run(insert,
               {query::timestamp(row.time), query::text(row.actor), query::text(row.effective_role),
                query::text(row.application), query::text(row.address), query::text(row.database),
                query::text(row.action), query::text(row.db_id), query::text(row.credential),
                query::text(name_of(row.outcome)), query::jsonb(row.detail),
                query::text(row.end_user)});
    changes::note(row.action, row.db_id);
}

void
record(const char *action, const char *db_id, const char *credential, const Jsonb *detail)
{
    bool is_worker = MyBgworkerEntry != nullptr;

    insert({.time = std::nullopt,
            .actor = GetUserNameFromId(GetAuthenticatedUserId(), true),
            .effective_role = GetUserNameFromId(GetOuterUserId(), true),
            .application = is_worker ? MyBgworkerEntry->bgw_type : application_name,
            .address = client_address(),
            .database = nullptr,
            .action = action,
            .db_id = db_id,
            .credential = credential,
            .outcome = Outcome::done,
            .detail = detail,
            .end_user = settings::end_user});
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
