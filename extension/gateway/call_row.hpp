/*
 * The audit rows of calls: `sql_execute` and `rpc_call`, by their endpoint.
 */
#pragma once

#include "base/pg.hpp"

namespace appinfra::call_row
{

/* A call as the audit log tells it. Null pointers, none: not known. */
struct Row {
    const char *gateway;
    const char *db_id;
    const char *key_id;
    const char *request_id;
    const char *endpoint;
    const char *client_address;
    int status;
    std::optional<FullTransactionId> xid;
    const Jsonb *detail; /* what the gateway says beside that: an object */
    std::optional<TimestampTz> time = std::nullopt; /* none: now */
};

/* Writes the row of a call. Inside with_spi(). */
void write(const Row &row);

/* Returns the member `pid` of a detail; 0: there is none. */
int pid_of(const Jsonb *detail);

/* What was refused: by one rule, for one key or address, so many times. */
struct Refused {
    const char *gateway;
    const char *rule;
    const char *db_id;
    const char *key_id;
    const char *client_address;
    int64 count;
    const Jsonb *detail;
    std::optional<TimestampTz> time;
};

/* Writes the row of a refusal. Inside with_spi(). */
void write(const Refused &refused);

} // namespace appinfra::call_row
