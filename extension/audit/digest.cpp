/* Hashes, compares and blanks the parts of records. See digest.hpp. */
#include "audit/digest.hpp"

namespace appinfra::events
{

/* Returns the texts of a record, in the order in which digests have them. */
template <typename Any>
static auto
texts_of(Any &record)
{
    return std::array{record.action,        record.rule,        record.db_id,
                      record.credential,    record.object,      record.actor_name,
                      record.database_name, record.application, record.address};
}

/* Returns where its OIDs are, in the same way. */
template <typename Any>
static auto
ids_of(Any &record)
{
    return std::array{&record.actor, &record.role, &record.current_role, &record.database};
}

Digest
digest_of(const Record &record)
{
    Digest digest = {.texts = {}, .ids = {}, .observed = record.observed};
    int place = 0;

    for (const char *text : texts_of(record))
        digest.texts[place++] = hash_bytes_extended(reinterpret_cast<const unsigned char *>(text),
                                                    static_cast<int>(strlen(text)), 0);
    place = 0;
    for (const Oid *id : ids_of(record))
        digest.ids[place++] = *id;
    return digest;
}

uint32
differences(const Digest &one, const Digest &other)
{
    uint32 parts = 0;
    uint32 bit = 1;

    for (size_t i = 0; i < one.texts.size(); i++, bit <<= 1)
        if (one.texts[i] != other.texts[i])
            parts |= bit;
    for (size_t i = 0; i < one.ids.size(); i++, bit <<= 1)
        if (one.ids[i] != other.ids[i])
            parts |= bit;
    return one.observed != other.observed ? parts | bit : parts;
}

void
blank(Record *record, uint32 parts)
{
    uint32 bit = 1;

    for (char *text : texts_of(*record)) {
        if (parts & bit)
            text[0] = '\0';
        bit <<= 1;
    }
    for (Oid *id : ids_of(*record)) {
        if (parts & bit)
            *id = InvalidOid;
        bit <<= 1;
    }
    if (parts & bit)
        record->observed = false;
}

} // namespace appinfra::events
