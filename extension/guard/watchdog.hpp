/*
 * The watchdog: ends sessions of tenants that use up what all share and no hook can count.
 *
 * Locks above all: PostgreSQL's advisory-lock functions pass every hook, and DDL fills the lock
 * table as well. When it is full, nobody can log in. So this takes no lock itself, opens no
 * transaction and reads no catalog: what it has to know of a session, the login hook left in shared
 * memory.
 */
#pragma once

namespace appinfra::watchdog
{

/*
 * Looks once at all sessions of tenants, outside any transaction. True: look again at once, for a
 * tenant that was ended for its locks may come back to fill the table again.
 */
bool look();

/* Milliseconds between two looks while all is quiet. */
constexpr long interval_ms = 200;

} // namespace appinfra::watchdog
