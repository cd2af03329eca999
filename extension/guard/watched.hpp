/*
 * Watched: what a process of a tenant takes just now, as the parts of the watchdog see it.
 */
#pragma once

#include "shmem/sessions.hpp"

namespace appinfra::watchdog
{

struct Use {
    const sessions::TenantProcess *process;
    int64 locks;
    int64 snapshots; /* exported */
    int64 ids;       /* transaction ids, lately */
    bool ended;
    bool idle_in_transaction;
    bool stuck_in_send;
    TimestampTz state_since;
    TimestampTz transaction_since; /* 0: in none */
};

/* A member of Use that is counted. */
using Count = int64 Use::*;

/*
 * Ends the sessions with most until these have no more than the limit together; returns how much
 * of the sum went with them.
 */
int64 end_most(std::span<Use *> uses, int64 limit, Count count, const char *rule, const char *unit);

/* The same for each tenant by itself. */
int64 end_most_of_tenants(std::span<Use> uses, int64 limit, Count count, const char *rule,
                          const char *unit);

/* Ends the session, or only says so in observe mode. Each is reported once. */
void end(Use *use, const char *rule, const char *object);

} // namespace appinfra::watchdog
