/* Looks for the extension and its version. See installation.hpp. */
#include "base/installation.hpp"

#include "base/refusal.hpp"
#include "base/scope.hpp"

namespace appinfra::installation
{

static Oid look(char **version);
static bool is_ours(const char *version);

Installation
current()
{
    Installation found = {};

    in_transaction([&](MemoryContext) {
        char *version = nullptr;

        found.extension = look(&version);
        if (OidIsValid(found.extension))
            found.version = is_ours(version) ? Version::ours : Version::other;
    });
    return found;
}

void
require_ours()
{
    char *version = nullptr;

    if (!OidIsValid(look(&version)) || is_ours(version))
        return;
    raise(
        refuse(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
               "the extension \"appinfra\" is not of the version of its library",
               psprintf("The extension is of version %s, the library that the server has loaded of "
                        "version %s.",
                        version, APPINFRA_VERSION),
               "Run ALTER EXTENSION appinfra UPDATE in the control database; where the library is "
               "the older one, restart the server first."));
}

/* Returns the extension's OID and its version as the catalog has them; 0 when it is not there. */
static Oid
look(char **version)
{
    Relation catalog = table_open(ExtensionRelationId, AccessShareLock);
    Oid extension = InvalidOid;
    ScanKeyData key;

    ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber, F_NAMEEQ,
                CStringGetDatum("appinfra"));
    SysScanDesc scan = systable_beginscan(catalog, ExtensionNameIndexId, true, nullptr, 1, &key);
    HeapTuple tuple = systable_getnext(scan);
    if (HeapTupleIsValid(tuple)) {
        bool null = false;
        Datum value =
            heap_getattr(tuple, Anum_pg_extension_extversion, RelationGetDescr(catalog), &null);

        extension = reinterpret_cast<Form_pg_extension>(GETSTRUCT(tuple))->oid;
        *version = null ? pstrdup("") : TextDatumGetCString(value);
    }
    systable_endscan(scan);
    table_close(catalog, AccessShareLock);
    return extension;
}

static bool
is_ours(const char *version)
{
    return strcmp(version, APPINFRA_VERSION) == 0;
}

} // namespace appinfra::installation
