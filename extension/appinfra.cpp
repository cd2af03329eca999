/* The library's entry point: defines the settings, then the hooks and the worker. Nothing else. */
#include "audit/buckets.hpp"
#include "audit/host_watch.hpp"
#include "audit/login_events.hpp"
#include "audit/ring.hpp"
#include "base/label.hpp"
#include "base/refusal.hpp"
#include "base/settings.hpp"
#include "bucket/bucket_kind.hpp"
#include "delivery/database_kind.hpp"
#include "delivery/recovery.hpp"
#include "entry/install.hpp"
#include "entry/scheduler.hpp"
#include "entry/watchdog_worker.hpp"
#include "gateway/key_kind.hpp"
#include "guard/guard.hpp"
#include "shmem/disk_limits.hpp"
#include "shmem/ending_calls.hpp"
#include "shmem/segments.hpp"
#include "shmem/sessions.hpp"
#include "shmem/transaction_ids.hpp"
#include "shmem/wakeup.hpp"
#include "workers/control_database.hpp"

extern "C" {
PG_MODULE_MAGIC;
PGDLLEXPORT void _PG_init(void);
}

/* Called when the library is loaded. Refuses any other way than by shared_preload_libraries. */
void
_PG_init()
{
    using namespace appinfra;

    if (!process_shared_preload_libraries_in_progress)
        raise(refuse(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                     "appinfra is not in shared_preload_libraries",
                     "Its worker and its hooks start with the server.",
                     "Add appinfra to shared_preload_libraries and restart the server."));
    settings::define();
    label::define();
    segments::define();
    wakeup::define();
    sessions::define();
    transaction_ids::define();
    ending_calls::define();
    disk_limits::define();
    control_database::define();
    events::ring::define();
    events::buckets::define();
    host_watch::define();
    recovery::define();
    guard::define();
    login_events::define();
    install::define();
    scheduler::define();
    watchdog_worker::define();
    kind::add(database_kind::kind);
    kind::add(bucket_kind::kind);
    kind::add(key_kind::kind);
}
