/*
 * Events: actions that are audited although the control database cannot be written there.
 *
 * A refusal aborts its transaction, a rejected login has none, and both happen in other databases.
 * They go into a ring in shared memory; the scheduler writes them into the audit log. A tenant may
 * make any number of them: beyond a token bucket per (tenant, rule) or per client address they are
 * only counted, and the count is written.
 */
#pragma once

#include "audit/outcome.hpp"

namespace appinfra::events
{

using audit::Outcome;

/* Texts are copied and cut to what the ring holds. Null pointers: not concerned. */
struct Event {
    const char *action; /* a word: "guard", "login", "end_session" … */
    Outcome outcome;
    const char *rule;       /* of the guard */
    const char *db_id;      /* the tenant */
    const char *credential; /* the login it is about; null: the one that is logged in here */
    const char *object;     /* a statement's tag, a function, a setting; never a secret */
    bool observed;          /* would have been refused, had the guard enforced */
};

/*
 * Reports an event of this process. Never fails, allocates nothing and reads no catalog, so that it
 * can be called from any hook, in any transaction state and while an error is being reported. Time,
 * actor, roles, database, application and client address are filled in from the process itself.
 */
void report(const Event &event);

} // namespace appinfra::events
