/*
 * Setup: what workers do inside another database than the control database.
 *
 * The template is hardened, a shell is dressed (hardening.hpp). A role that is to be dropped is
 * released: what it owns goes to its group, what names it forgets it.
 */
#pragma once

#include "shmem/wakeup.hpp"

namespace appinfra::setup
{

enum class Job : int { harden_template = 1, dress_shell = 2, release_role = 3, harden_tenant = 4 };

/* What a setup worker is to do; travels in bgw_extra. */
struct Order {
    wakeup::Worker orderer;
    Job job;
    Oid database;
    char name[NAMEDATALEN]; /* of a shell: prefix of its group roles */
    Oid role;               /* to be released */
    Oid heir;               /* gets what the role owns; 0: it owns nothing */
    Oid successor;          /* takes its place in policies; 0: nobody does */
    bool is_own;            /* the database is that of the role's tenant */
};

static_assert(sizeof(Order) <= BGW_EXTRALEN);

/* Hardens and dresses the current database, a tenant's. For visitors, outside a transaction. */
void harden_tenant(const char *name);

/* Releases the role of the order in this database. Outside a transaction. */
void release_role(const Order &order);

} // namespace appinfra::setup
