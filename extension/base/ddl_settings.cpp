/* What roles' sessions start with, row by row of pg_db_role_setting. Part of ddl.hpp. */
#include "base/ddl.hpp"

namespace appinfra::ddl
{

static HeapTuple find(Relation relation, Oid database, Oid role);
static void put(Relation relation, HeapTuple found, Oid database, Oid role, ArrayType *settings);
static ArrayType *settings_of(Relation relation, HeapTuple tuple);

/*
 * Written as one row, not by ALTER ROLE … SET: that refuses "role" inside SECURITY DEFINER, warns
 * about what the session user could not do, and rewrites the row once per setting. The values come
 * from checked settings and from roles that exist. Rows for single databases go, too.
 */
void
set_settings(const char *login, std::span<const Setting> settings)
{
    Oid role = get_role_oid(login, false);
    auto *texts = static_cast<Datum *>(palloc(settings.size() * sizeof(Datum)));
    int count = 0;

    for (const Setting &setting : settings)
        texts[count++] = CStringGetTextDatum(psprintf("%s=%s", setting.name, setting.value));
    DropSetting(InvalidOid, role);
    CommandCounterIncrement();
    Relation relation = table_open(DbRoleSettingRelationId, RowExclusiveLock);
    put(relation, nullptr, InvalidOid, role,
        construct_array(texts, count, TEXTOID, -1, false, TYPALIGN_INT));
    table_close(relation, NoLock);
    CommandCounterIncrement();
}

void
change_setting(Oid database, Oid role, const char *name, const char *value)
{
    Relation relation = table_open(DbRoleSettingRelationId, RowExclusiveLock);
    HeapTuple found = find(relation, database, role);
    ArrayType *settings = settings_of(relation, found);

    if (value != nullptr)
        settings = GUCArrayAdd(settings, name, value);
    else if (settings != nullptr)
        settings = GUCArrayDelete(settings, name);
    put(relation, found, database, role, settings);
    table_close(relation, NoLock);
    CommandCounterIncrement();
}

void
copy_settings(Oid database, Oid from, Oid to)
{
    Relation relation = table_open(DbRoleSettingRelationId, RowExclusiveLock);
    ArrayType *settings = settings_of(relation, find(relation, database, from));

    put(relation, find(relation, database, to), database, to, settings);
    table_close(relation, NoLock);
    CommandCounterIncrement();
}

/* Returns a copy of the row of a role in a database, or null. */
static HeapTuple
find(Relation relation, Oid database, Oid role)
{
    ScanKeyData keys[2];

    ScanKeyInit(&keys[0], Anum_pg_db_role_setting_setdatabase, BTEqualStrategyNumber, F_OIDEQ,
                ObjectIdGetDatum(database));
    ScanKeyInit(&keys[1], Anum_pg_db_role_setting_setrole, BTEqualStrategyNumber, F_OIDEQ,
                ObjectIdGetDatum(role));
    SysScanDesc scan =
        systable_beginscan(relation, DbRoleSettingDatidRolidIndexId, true, nullptr, 2, keys);
    HeapTuple tuple = systable_getnext(scan);
    HeapTuple copy = HeapTupleIsValid(tuple) ? heap_copytuple(tuple) : nullptr;
    systable_endscan(scan);
    return copy;
}

/* Writes the row, in place of what was found; no settings, no row. */
static void
put(Relation relation, HeapTuple found, Oid database, Oid role, ArrayType *settings)
{
    Datum values[Natts_pg_db_role_setting] = {ObjectIdGetDatum(database), ObjectIdGetDatum(role),
                                              PointerGetDatum(settings)};
    bool nulls[Natts_pg_db_role_setting] = {};

    if (settings == nullptr) {
        if (found != nullptr)
            CatalogTupleDelete(relation, &found->t_self);
        return;
    }
    HeapTuple tuple = heap_form_tuple(RelationGetDescr(relation), values, nulls);
    if (found != nullptr)
        CatalogTupleUpdate(relation, &found->t_self, tuple);
    else
        CatalogTupleInsert(relation, tuple);
}

static ArrayType *
settings_of(Relation relation, HeapTuple tuple)
{
    bool null = true;
    Datum settings = tuple != nullptr ? heap_getattr(tuple, Anum_pg_db_role_setting_setconfig,
                                                     RelationGetDescr(relation), &null)
                                      : static_cast<Datum>(0);

    return null ? nullptr : DatumGetArrayTypePCopy(settings);
}

} // namespace appinfra::ddl
