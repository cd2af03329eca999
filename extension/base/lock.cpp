/* Takes locks on names. See lock.hpp. */
#include "base/lock.hpp"

namespace appinfra::lock
{

/* Not a wait for anybody's commit: locks of an ended transaction are gone after microseconds. */
constexpr int letting_go_ms = 5;

/* How much of a value's hash is compared. */
constexpr int value_bits = 32;

static LOCKTAG tag_of(Kind kind, const char *name, const char *of);

bool
try_take(Kind kind, const char *name, const char *of)
{
    LOCKTAG tag = tag_of(kind, name, of);
    bool taken = LockAcquire(&tag, ExclusiveLock, false, true) != LOCKACQUIRE_NOT_AVAIL;

    /* who waited for a row of a transaction goes on while that still lets go of its other locks */
    for (int tries = 0; !taken && tries < letting_go_ms; tries++) {
        pg_usleep(1000);
        taken = LockAcquire(&tag, ExclusiveLock, false, true) != LOCKACQUIRE_NOT_AVAIL;
    }
    if (taken)
        AcceptInvalidationMessages(); /* what the previous holder committed is now visible */
    return taken;
}

bool
try_agree(Kind kind, const char *name, const char *value)
{
    uint64 hash =
        hash_bytes_extended(reinterpret_cast<const unsigned char *>(value), strlen(value), 0);

    /* one lock for each bit of the value: the two modes do not conflict with themselves, but with
     * each other, and two values differ in some bit */
    for (int bit = 0; bit < value_bits; bit++) {
        LOCKTAG tag = tag_of(kind, name, psprintf("%d", bit));
        LOCKMODE mode = (hash >> bit) & 1 ? ShareLock : RowExclusiveLock;

        if (LockAcquire(&tag, mode, false, true) == LOCKACQUIRE_NOT_AVAIL)
            return false;
    }
    AcceptInvalidationMessages();
    return true;
}

void
hold_alone(Kind kind, const char *name)
{
    LOCKTAG tag = tag_of(kind, name, "0");

    LockAcquire(&tag, ExclusiveLock, false, false);
}

void
hold(Kind kind, const char *name)
{
    LOCKTAG tag = tag_of(kind, name, "");

    LockAcquire(&tag, ExclusiveLock, false, false);
}

void
share(Kind kind, const char *name)
{
    LOCKTAG tag = tag_of(kind, name, "");

    LockAcquire(&tag, ShareLock, false, false);
}

bool
try_keep(Kind kind, const char *name)
{
    LOCKTAG tag = tag_of(kind, name, "");

    return LockAcquire(&tag, ExclusiveLock, true, true) != LOCKACQUIRE_NOT_AVAIL;
}

void
hold_extension()
{
    Oid extension = get_extension_oid("appinfra", true);

    if (OidIsValid(extension))
        LockDatabaseObject(ExtensionRelationId, extension, 0, AccessShareLock);
}

void
await(Kind kind, const char *name)
{
    LOCKTAG tag = tag_of(kind, name, "");

    LockAcquire(&tag, ShareLock, false, false);
    LockRelease(&tag, ShareLock, false);
}

static LOCKTAG
tag_of(Kind kind, const char *name, const char *of)
{
    /* the advisory functions of core use 1 and 2 */
    constexpr uint16 our_class = 0x4149;
    char *key = psprintf("%c%s %s", static_cast<char>(kind), of, name);
    uint64 hash = hash_bytes_extended(reinterpret_cast<unsigned char *>(key), strlen(key), 0);
    LOCKTAG tag;

    SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, static_cast<uint32>(hash >> 32),
                         static_cast<uint32>(hash), our_class);
    return tag;
}

} // namespace appinfra::lock
