/*
 * Audit: one row for each provisioning action, in the transaction that does it.
 *
 * The actor is who logged in, whatever the current role has become. No detail ever holds a secret.
 */
#pragma once

#include "audit/outcome.hpp"

namespace appinfra::audit
{

/* A row of the audit log. Null pointers: not concerned. */
struct Row {
    std::optional<TimestampTz> time; /* none: now */
    const char *actor;               /* who logged in */
    const char *effective_role;      /* what SET ROLE made of it */
    const char *application;         /* may be empty */
    const char *address;
    const char *database; /* null: this one */
    const char *action;
    const char *db_id;
    const char *credential;
    Outcome outcome;
    const Jsonb *detail;
    const char *end_user; /* for whom the actor did it; may be empty */
};

/* Writes a row. Inside with_spi(). */
void insert(const Row &row);

/* Records an action that is being done. Inside with_spi(). Null pointers: not concerned. */
void record(const char *action, const char *db_id, const char *credential,
            const Jsonb *detail = nullptr);

struct Item {
    const char *key;
    const char *value; /* null pointer: JSON null */
};

/* Returns a JSON object of texts. */
const Jsonb *detail(std::initializer_list<Item> items);

} // namespace appinfra::audit
