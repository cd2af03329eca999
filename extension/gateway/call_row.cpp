/* Writes audit rows of calls. See call_row.hpp. */
#include "gateway/call_row.hpp"

#include "audit/audit.hpp"
#include "base/json.hpp"

namespace appinfra::call_row
{

static void add_members(json::Object *object, const Jsonb *detail);
static void insert_row(const audit::Row &row);

void
write(const Row &row)
{
    json::Object detail;

    json::begin(&detail);
    add_members(&detail, row.detail);
    json::add(&detail, "gateway", row.gateway);
    if (row.request_id != nullptr)
        json::add(&detail, "request_id", row.request_id);
    if (row.endpoint != nullptr)
        json::add(&detail, "endpoint", row.endpoint);
    json::add(&detail, "status", static_cast<int64>(row.status));
    if (row.xid)
        json::add(&detail, "xid", psprintf(UINT64_FORMAT, row.xid->value));
    audit::Row whole = {.time = row.time,
                        .actor = nullptr,
                        .effective_role = nullptr,
                        .application = nullptr,
                        .address = row.client_address,
                        .database = nullptr,
                        .action = "sql_execute",
                        .db_id = row.db_id,
                        .credential = row.key_id,
                        .outcome = row.status < 400 ? audit::Outcome::done : audit::Outcome::failed,
                        .detail = json::end(&detail),
                        .end_user = nullptr};
    if (row.endpoint != nullptr && strstr(row.endpoint, "rpc") != nullptr)
        whole.action = "rpc_call";
    insert_row(whole);
}

int
pid_of(const Jsonb *detail)
{
    JsonbValue value;

    if (detail == nullptr || !JB_ROOT_IS_OBJECT(detail) ||
        getKeyJsonValueFromContainer(const_cast<JsonbContainer *>(&detail->root), "pid", 3,
                                     &value) == nullptr ||
        value.type != jbvNumeric)
        return 0;
    return DatumGetInt32(DirectFunctionCall1(numeric_int4, NumericGetDatum(value.val.numeric)));
}

void
write(const Refused &refused)
{
    json::Object detail;

    json::begin(&detail);
    add_members(&detail, refused.detail);
    json::add(&detail, "rule", refused.rule);
    json::add(&detail, "gateway", refused.gateway);
    if (refused.count > 1)
        json::add(&detail, "count", refused.count);
    insert_row({.time = refused.time,
                .actor = nullptr,
                .effective_role = nullptr,
                .application = nullptr,
                .address = refused.client_address,
                .database = nullptr,
                .action = "gateway",
                .db_id = refused.db_id,
                .credential = refused.key_id,
                .outcome = audit::Outcome::refused,
                .detail = json::end(&detail),
                .end_user = nullptr});
}

/* Adds the members of an object, as they are. */
static void
add_members(json::Object *object, const Jsonb *detail)
{
    JsonbValue value;
    JsonbIteratorToken token;

    if (detail == nullptr || !JB_ROOT_IS_OBJECT(detail))
        return;
    JsonbIterator *iterator = JsonbIteratorInit(const_cast<JsonbContainer *>(&detail->root));
    while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
        if (token == WJB_KEY || token == WJB_VALUE)
            pushJsonbValue(&object->state, token, &value);
}

/* Writes a row whose actor is the gateway that has logged in. */
static void
insert_row(const audit::Row &row)
{
    audit::Row whole = row;

    whole.actor = GetUserNameFromId(GetAuthenticatedUserId(), true);
    whole.effective_role = GetUserNameFromId(GetOuterUserId(), true);
    whole.application = application_name;
    audit::insert(whole);
}

} // namespace appinfra::call_row
