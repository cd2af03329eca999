/*
 * Calls of keys: begun, finished before they commit, and their audit rows.
 *
 * What a call may do is asked of the registry twice: when it begins, and, under the key's shared
 * lock, when it is about to commit. So a key whose revocation has committed commits nothing new.
 */
#pragma once

#include "registry/call.hpp"
#include "registry/key.hpp"

namespace appinfra::calls
{

/* What a gateway is to do with a call. */
struct Verdict {
    int64 call_id;    /* 0: nothing is reserved */
    const char *word; /* run, replay, conflict, in_progress, key_inactive, workspace_inactive */
    int status;       /* of a replay */
    const bytea *body;
};

/* Reserves a call, or says what became of an earlier one. The key's line and tenant are filled in.
 */
Verdict begin(call::Attempt attempt);

/* What a call is about to end with, as its gateway tells it. Null pointers, none: not given. */
struct Ending {
    const char *gateway;
    const char *key_id;
    const char *request_id;
    const char *endpoint;
    const char *client_address;
    int64 call_id; /* 0: nothing is reserved */
    std::optional<FullTransactionId> xid;
    int status;
    const bytea *body;
    const Jsonb *detail;
};

/* Finishes a call and writes its audit row; false: it is to be rolled back. */
bool finish(const Ending &ending);

/* Writes audit rows that a gateway hands over in a batch. */
void report(const char *gateway, const Jsonb *entries);

} // namespace appinfra::calls
