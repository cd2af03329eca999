/*
 * The rate of transaction ids: ends sessions of tenants that burn them.
 *
 * Each id costs the host a bit of its log of transactions and brings it nearer to the day when it
 * has to freeze what it holds. What a tenant takes is added up over ten seconds, over all of its
 * sessions, those that have ended included.
 */
#pragma once

#include "guard/watched.hpp"

namespace appinfra::watchdog
{

/*
 * Ends the sessions that take most, of each tenant above appinfra.tenant_xid_rate; true: there were
 * some. For the watchdog: it has to see every slot, so it is called in each look.
 */
bool end_burners(std::span<Use> uses);

} // namespace appinfra::watchdog
