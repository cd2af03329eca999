/*
 * Visits: short workers that enter databases for a caller who waits, and send back what they found.
 *
 * Ordered by any session, unlike setup workers (setup.hpp), which the builder and the janitor order
 * one at a time. Each visit has a segment of shared memory with its order and a queue of messages.
 * It ends with its caller: whatever ends the caller's transaction ends the worker. What a visitor
 * sees is what is committed; it can wait for locks, so a caller must not hold what it would need.
 */
#pragma once

#include "base/pg.hpp"

namespace appinfra::visit
{

enum class Purpose : int {
    look,      /* report what is open in a tenant's database */
    look_host, /* the same of a database that is no tenant's */
    harden     /* bring a tenant's database to the present hardening */
};

struct Order {
    Purpose purpose;
    Oid database;
    char name[NAMEDATALEN]; /* of the database; prefix of its group roles */
    char db_id[16];
    char login_group[NAMEDATALEN]; /* look: whom DATABASE_URL enters as; empty: nobody */
};

/* Columns of a reported row. */
constexpr int columns = 7;

/* What the caller does with rows and with failures of visits. `which` is the order's index. */
struct Listener {
    void (*row)(void *self, size_t which, const char *const *fields);
    void (*failure)(void *self, size_t which, int code, const char *message);
    void *self;
};

/* Visits all databases, a few at a time. A failed visit does not keep the others from being done.
 */
void carry_out(std::span<const Order> orders, const Listener &listener);

/* For visitors: sends a row of texts, null pointers for NULL. */
void send_row(const char *const *fields);

} // namespace appinfra::visit

extern "C" {
PGDLLEXPORT void appinfra_visit_main(Datum argument);
}
