/*
 * The age of transaction ids: ends sessions of tenants that keep the host from forgetting old ones.
 *
 * When the oldest id that somebody may still ask for is two thousand million behind the next, the
 * server takes no more writes. A session keeps ids by a transaction that has one, by a snapshot,
 * and by a temporary table, which nobody else can vacuum. A tenant can neither prepare transactions
 * nor make replication slots, which would do it without a session.
 */
#pragma once

#include "guard/watched.hpp"

namespace appinfra::watchdog
{

/* Ends the sessions that keep ids beyond appinfra.tenant_xid_age_limit. For the watchdog. */
void end_horizon_pinners(std::span<Use> uses);

/* Returns how old the oldest id is that the process itself keeps. `running`: oldest_running(). */
uint32 kept_age(const sessions::TenantProcess &process, TransactionId running);

/* Returns the oldest id of a transaction that runs, or the next one. Not during recovery. */
TransactionId oldest_running();

} // namespace appinfra::watchdog
