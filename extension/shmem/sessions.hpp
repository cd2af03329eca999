/*
 * Sessions: which processes are, or are about to be, a login's; ending them; first logins.
 *
 * A session is found by the role its process authenticated as (PGPROC), never by the statistics
 * views, where one can hide. Between the password check and the moment PGPROC names the role there
 * is a gap; the authentication hook closes it by entering() here first. A process that
 * disables a login and then looks here either sees the session's process, or that process sees the
 * disabled login.
 */
#pragma once

#include "base/label.hpp"

namespace appinfra::sessions
{

/* Adds its segment of shared memory. Called once, by _PG_init. */
void define();

/* Tells that this process is about to become a session of the tenant's login. */
void entering(Oid login, const char *username, const char *db_id);

/* Tells that this process listens to notifications from now on. */
void listens();

/* Returns how many processes are sessions of the login or about to be, and asks them to end. */
int end_all(Oid login);

/* Asks those in the database to end; of a login that enters several. */
void end_in(Oid login, Oid database);

/* Returns how many there are. */
int count(Oid login);

/* A process of a tenant: a session, or a client that is about to be one. */
struct TenantProcess {
    int pid;
    int slot;
    Oid login;
    bool listens;
    bool marked;
    char db_id[label::word_limit];
    char username[NAMEDATALEN];
};

/* Returns them all, in the order of their pids, in the current memory context. */
std::span<TenantProcess> tenant_processes();

/* Marks the process; false when it was marked already. */
bool mark(const TenantProcess &process);

/* Asks the process to end, if it is still the same. */
void end(const TenantProcess &process);

/* The same, when and only when the current transaction commits. */
void end_at_commit(const TenantProcess &process);

/* Asks the authentication hook to report the next login of each of these roles, once. */
constexpr int watched_limit = 1024;
void watch(std::span<const Oid> logins);

/* Returns one reported login, or 0; reports it once more. */
Oid take_login();
void put_back(Oid login);

} // namespace appinfra::sessions
