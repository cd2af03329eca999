/*
 * A turn of the scheduler: one round through its tasks.
 */
#pragma once

#include "base/installation.hpp"
#include "shmem/wakeup.hpp"

namespace appinfra::scheduler
{

struct Turn {
    wakeup::Work work; /* what has come up */
    bool asked;        /* the version has been looked up */
    installation::Version version;
};

/* Returns what there is of the extension. It is asked once a turn, by the first who wants to know.
 */
installation::Version version(Turn &turn);

/* Tells whether the extension is installed, and of this library's version. */
bool is_ours(Turn &turn);

} // namespace appinfra::scheduler
