/* Requests and attaches all segments. See segments.hpp. */
#include "shmem/segments.hpp"

namespace appinfra::segments
{

static Segment segments[16];
static int segment_count;
static shmem_request_hook_type next_shmem_request;
static shmem_startup_hook_type next_shmem_startup;

static void request();
static void startup();

void
define()
{
    next_shmem_request = shmem_request_hook;
    shmem_request_hook = request;
    next_shmem_startup = shmem_startup_hook;
    shmem_startup_hook = startup;
}

void
add(const Segment &segment)
{
    if (segment_count == lengthof(segments))
        elog(FATAL, "too many segments of shared memory");
    segments[segment_count++] = segment;
}

/* Asks the postmaster for the memory. */
static void
request()
{
    if (next_shmem_request)
        next_shmem_request();
    for (const Segment &segment : std::span(segments, segment_count))
        RequestAddinShmemSpace(MAXALIGN(segment.size()));
}

/* Attaches to the memory. The owner gets a new segment filled with zeros. */
static void
startup()
{
    if (next_shmem_startup)
        next_shmem_startup();
    LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
    for (const Segment &segment : std::span(segments, segment_count)) {
        bool found;
        void *memory = ShmemInitStruct(segment.name, segment.size(), &found);

        if (!found)
            memset(memory, 0, segment.size());
        segment.attach(memory, !found);
    }
    LWLockRelease(AddinShmemInitLock);
}

} // namespace appinfra::segments
