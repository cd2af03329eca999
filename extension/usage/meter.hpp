/*
 * The meter: the process that measures what tenants use, and watches their disk limits.
 *
 * It has a turn each second. What it knows is in its memory (tenants.hpp); it writes rows each
 * appinfra.usage_interval, and at once when a tenant has come near its limit or over it. It waits
 * for nobody's lock: its tables are its own. The scheduler keeps it running, and wakes it when the
 * registry is to be read again: every few seconds, and when a limit was changed.
 */
#pragma once

#include "base/pg.hpp"

extern "C" {
PGDLLEXPORT void appinfra_meter_main(Datum argument);
}
