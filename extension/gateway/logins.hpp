/*
 * Logins of gateways: made for (gateway, workspace, access), valid for an hour, revoked when that
 * gateway starts again.
 */
#pragma once

#include "delivery/connection_builder.hpp"

namespace appinfra::gateway_logins
{

/* Refuses what is no name of a gateway. */
const Refusal *check_name(const char *gateway);

/*
 * A gateway of that name starts, or ends: the calls that an earlier run of it has left are ended.
 * Returns the names of the logins that are to be revoked.
 */
std::span<const char *const> hello(const char *gateway);

/* Makes a login of a ready tenant; the one before it retires. */
connection_builder::Connection make(const char *gateway, const char *db_id, const char *access);

} // namespace appinfra::gateway_logins
