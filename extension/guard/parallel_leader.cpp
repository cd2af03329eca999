/* Keeps what parallel workers have to know of their leaders. See parallel_leader.hpp. */
#include "guard/parallel_leader.hpp"

#include "shmem/segments.hpp"

namespace appinfra::guard::parallel_leader
{

/* By the number of the process: its pid while it runs made code. The next process has another. */
static pg_atomic_uint32 *pids;

static size_t size();
static void attach(void *memory, bool is_new);

void
define()
{
    segments::add({.name = "appinfra guarded leaders", .size = size, .attach = attach});
}

void
note(bool runs_made_code)
{
    if (pids != nullptr && MyProc != nullptr)
        pg_atomic_write_u32(&pids[pg::number_of(MyProc)],
                            runs_made_code ? static_cast<uint32>(MyProcPid) : 0);
}

bool
is_guarded()
{
    if (!IsParallelWorker() || pids == nullptr || MyProc == nullptr)
        return false;
    const PGPROC *leader = MyProc->lockGroupLeader;
    return leader != nullptr && leader != MyProc &&
           pg_atomic_read_u32(&pids[pg::number_of(leader)]) == static_cast<uint32>(leader->pid);
}

/* Only processes that run queries have numbers below MaxBackends, and only they are leaders. */
static size_t
size()
{
    return static_cast<size_t>(MaxBackends) * sizeof(pg_atomic_uint32);
}

static void
attach(void *memory, bool is_new)
{
    pids = static_cast<pg_atomic_uint32 *>(memory);
    for (int i = 0; is_new && i < MaxBackends; i++)
        pg_atomic_init_u32(&pids[i], 0);
}

} // namespace appinfra::guard::parallel_leader
