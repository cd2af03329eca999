/*
 * Audit: one row for each provisioning action, in the transaction that does it.
 *
 * The actor is who logged in, whatever the current role has become. No detail ever holds a secret.
 */
#pragma once

#include "base/pg.hpp"

namespace appinfra::audit
{

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
