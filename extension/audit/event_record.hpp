/*
 * A record: an event as it waits in shared memory, of a fixed size.
 *
 * Texts are cut to their place; an empty one is "not known", or "not the same for all" where the
 * record stands for several events. They may be in another database's encoding, and cut within a
 * character. Roles and databases that have only an OID here get their names from the writer.
 */
#pragma once

#include "audit/outcome.hpp"

#include <arpa/inet.h>
#include <type_traits>

namespace appinfra::events
{

using audit::Outcome;

struct Record {
    TimestampTz time;  /* of the event, or of the latest that the record stands for */
    TimestampTz since; /* of the first that it stands for */
    int64 count;       /* how many it stands for; 0: it is one event by itself */
    Oid actor;         /* who logged in */
    Oid role;          /* what SET ROLE made of it */
    Oid current_role;  /* what a function with rights of its own made of that */
    Oid database;
    Outcome outcome;
    bool observed;
    char action[32];
    char rule[48];
    char db_id[32];
    char credential[NAMEDATALEN];
    char object[128];
    char actor_name[NAMEDATALEN];
    char database_name[NAMEDATALEN];
    char application[NAMEDATALEN];
    char address[INET6_ADDRSTRLEN + 4];
};

/*
 * Which events are limited and counted together. Compared as bytes: fill it with zeros first, and
 * leave no room between the members.
 */
struct Key {
    char who[52]; /* the tenant or the client's address, with "/64"; empty: anybody */
    char action[32];
    char rule[48];
    Outcome outcome;
    int observed;
};

static_assert(sizeof(Key::who) >= INET6_ADDRSTRLEN + sizeof("/64"));
static_assert(std::has_unique_object_representations_v<Key>);

} // namespace appinfra::events
