/*
 * Measuring: how much disk tenants use, without costing much.
 *
 * Sizes are asked of the file system, which takes about a millisecond for a small database. A
 * database in which nothing has happened is measured once an hour; another once in
 * appinfra.usage_interval, as far as the budget of a turn goes, those first that have waited
 * longest. Where there is a limit, the next look comes as soon as the database could have reached
 * it, and outside the budget.
 */
#pragma once

#include "usage/tenants.hpp"

namespace appinfra::usage
{

/* Takes in who has sessions, and in which transactions go on. */
void take_in_sessions(std::span<const sessions::TenantProcess> processes);

/* Measures what is due now. */
void measure();

/* What a database can grow in a second, as far as looks are planned; bytes. */
constexpr int64 fast_growth = 200LL * 1024 * 1024;

} // namespace appinfra::usage
