/*
 * Digests: what a record holds, short enough to be compared under a spinlock.
 */
#pragma once

#include "audit/event_record.hpp"

namespace appinfra::events
{

struct Digest {
    std::array<uint64, 9> texts; /* their hashes */
    std::array<Oid, 4> ids;
    bool observed;
};

Digest digest_of(const Record &record);

/* Returns what is not the same in both: a bit for each part. */
uint32 differences(const Digest &one, const Digest &other);

/* Empties the parts of the record that have a bit. */
void blank(Record *record, uint32 parts);

} // namespace appinfra::events
