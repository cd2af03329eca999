/*
 * What is put off, because a step of the housekeeping has failed: it is tried again after a pause
 * that doubles with each failure, up to five minutes. Tenants, credentials and bindings have the
 * columns for it.
 */
#pragma once

/* What an UPDATE sets; $2 is the error. */
#define PUT_OFF                                                                                    \
    "attempts = attempts + 1, last_error = $2, try_at = clock_timestamp()"                         \
    " + make_interval(secs => least(300, 2 ^ least(attempts, 9)))"
