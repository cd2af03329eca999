/* Takes events in. See events.hpp. */
#include "audit/events.hpp"

#include "audit/buckets.hpp"
#include "audit/ring.hpp"

#include <arpa/inet.h>

namespace appinfra::events
{

static void take(Record *record, const Event &event);
static void take_process(Record *record);
static void take_client(Record *record, const Port *port);
static void print_address(char *text, size_t size, const Port *port, bool network);
static Key key_of(const Record &record);
static void copy(char *to, size_t size, const char *text);

void
report(const Event &event)
{
    Record record;

    if (!ring::is_attached())
        return;
    take(&record, event);
    Key key = key_of(record);
    if (buckets::admit(key, record) && !ring::add(record))
        buckets::fold(key, record);
}

/* Makes a record of the event, with the roles and the client of this process. */
static void
take(Record *record, const Event &event)
{
    memset(record, 0, sizeof(*record));
    record->time = GetCurrentTimestamp();
    record->outcome = event.outcome;
    record->observed = event.observed;
    copy(record->action, sizeof(record->action), event.action);
    copy(record->rule, sizeof(record->rule), event.rule);
    copy(record->db_id, sizeof(record->db_id), event.db_id);
    copy(record->credential, sizeof(record->credential), event.credential);
    copy(record->object, sizeof(record->object), event.object);
    take_process(record);
    if (MyProcPort != nullptr)
        take_client(record, MyProcPort);
}

/* Takes in the roles and the database of this process, as far as they are known yet. */
static void
take_process(Record *record)
{
    Oid current;
    int security_context;

    GetUserIdAndSecContext(&current, &security_context);
    record->database = MyDatabaseId;
    record->actor = MyProc != nullptr ? MyProc->roleId : InvalidOid;
    if (IsNormalProcessingMode() && OidIsValid(current)) {
        record->role = GetOuterUserId();
        record->current_role = current;
        if (!OidIsValid(record->actor)) /* a worker without a role of its own */
            record->actor = current;
    }
}

/* Takes in the names that the client gave: this early their OIDs may not be known. */
static void
take_client(Record *record, const Port *port)
{
    const char *application = application_name;

    if (application == nullptr || application[0] == '\0')
        application = port->application_name;
    copy(record->application, sizeof(record->application), application);
    copy(record->database_name, sizeof(record->database_name), port->database_name);
    print_address(record->address, sizeof(record->address), port, false);
    if (record->outcome == Outcome::failed && !OidIsValid(record->actor))
        return; /* a name by itself proves nothing */
    copy(record->actor_name, sizeof(record->actor_name), port->user_name);
    if (record->credential[0] == '\0' && record->db_id[0] != '\0')
        copy(record->credential, sizeof(record->credential), port->user_name);
}

/* Prints the client's address, or the network of an IPv6 address: its owner has all of it. */
static void
print_address(char *text, size_t size, const Port *port, bool network)
{
    const sockaddr_storage *address = &port->raddr.addr;

    if (address->ss_family == AF_INET) {
        inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in *>(address)->sin_addr, text, size);
    } else if (address->ss_family == AF_INET6) {
        in6_addr copy = reinterpret_cast<const sockaddr_in6 *>(address)->sin6_addr;

        if (network)
            memset(&copy.s6_addr[8], 0, 8);
        inet_ntop(AF_INET6, &copy, text, size);
        if (network)
            strlcat(text, "/64", size);
    } else {
        strlcpy(text, "[local]", size);
    }
}

/* Tells with which others the event is counted: the tenant's, or those of the same client. */
static Key
key_of(const Record &record)
{
    Key key;

    memset(&key, 0, sizeof(key));
    if (record.db_id[0] != '\0')
        copy(key.who, sizeof(key.who), record.db_id);
    else if (MyProcPort != nullptr)
        print_address(key.who, sizeof(key.who), MyProcPort, true);
    copy(key.action, sizeof(key.action), record.action);
    copy(key.rule, sizeof(key.rule), record.rule);
    key.outcome = record.outcome;
    key.observed = record.observed ? 1 : 0;
    return key;
}

static void
copy(char *to, size_t size, const char *text)
{
    if (text != nullptr)
        strlcpy(to, text, size);
}

} // namespace appinfra::events
