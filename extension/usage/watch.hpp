/*
 * The watch over disk limits: who is near or above, what is told of that, and what is stopped.
 */
#pragma once

#include "usage/tenants.hpp"

namespace appinfra::usage
{

/* Judges all tenants, tells their sessions, and stops what goes on growing above a limit. */
void watch_limits(std::span<const sessions::TenantProcess> processes);

} // namespace appinfra::usage
