/*
 * Memories of what was found about objects, for the life of a process.
 *
 * An entry is a struct whose first member is the OID it is about. An invalidation callback only
 * notes that a memory is out of date; it is emptied when it is next asked, never while in use.
 */
#pragma once

#include "base/pg.hpp"

namespace appinfra::oid_memory
{

/* Makes an empty memory of entries of this type. */
template <typename Entry>
HTAB *
make(const char *name)
{
    HASHCTL control = {};

    control.keysize = sizeof(Oid);
    control.entrysize = sizeof(Entry);
    return hash_create(name, 64, &control, HASH_ELEM | HASH_BLOBS);
}

/* Forgets everything, in place: nothing has to be allocated again. */
inline void
empty(HTAB *memory)
{
    HASH_SEQ_STATUS scan;

    hash_seq_init(&scan, memory);
    while (void *entry = hash_seq_search(&scan))
        hash_search(memory, entry, HASH_REMOVE, nullptr);
}

} // namespace appinfra::oid_memory
