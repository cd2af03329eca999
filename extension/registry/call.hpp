/*
 * Calls: requests with an Idempotency-Key, reserved before they run and finished before they
 * commit.
 *
 * running → finished; a call whose transaction was lost runs again, in the same row, with another
 * id. What became of a call is not in its row, but asked of its transaction's id (its *fate*),
 * until the worker writes that down. Ids mean nothing on another host.
 */
#pragma once

#include "base/pg.hpp"

namespace appinfra::call
{

/* One attempt at a call, as it begins. Null pointers, none: not known. */
struct Attempt {
    const char *gateway;
    const char *db_id;
    const char *key_id;
    const char *line; /* of keys; together with the idempotency key it names the call */
    const char *request_id;
    const char *endpoint;
    const char *idempotency_key;
    const bytea *request_hash;
    std::optional<FullTransactionId> xid;
    int pid; /* of the backend that runs it; 0: not known */
};

/* Reserves a new call and returns its id; 0: there is one of that name. */
int64 reserve(const Attempt &attempt);

/* Makes a call, whose row is locked, run again. */
void run_again(int64 call_id, const Attempt &attempt);

enum class Fate { running, committed, lost, nothing, unknown };

/* A call that is there already; its row is locked. */
struct Found {
    int64 call_id; /* 0: it is gone meanwhile */
    bool is_same_request;
    bool is_of_this_host;
    bool is_finished;
    bool is_overdue; /* it runs for more than twice the statement time-out */
    bool is_expired;
    Fate fate; /* nothing: it has no id */
    FullTransactionId xid;
    int pid;
    int status;
    const bytea *body;
};

Found lock(const Attempt &attempt);

/* What a call ended with. A null body: it is not kept, and the idempotency key is free again. */
struct Answer {
    int64 call_id;
    const char *line;
    std::optional<FullTransactionId> xid; /* none: nothing to commit */
    int status;
    const bytea *body;
};

/* Keeps the answer; false when the call is another attempt's by now, or finished. */
bool finish(const Answer &answer);

/* A running call of a gateway. */
struct Running {
    int pid;
    FullTransactionId xid;
};

/* Returns those of a gateway that have an id. */
std::span<const Running> find_running(const char *gateway);

/* Writes down what became of calls that have ended; for the scheduler. True: there may be more. */
bool record_outcomes();

/* Removes calls that are no longer kept; the same. */
bool remove_expired();

} // namespace appinfra::call
