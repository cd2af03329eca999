/* Makes and reads labels and decides who may write them. See label.hpp. */
#include "base/label.hpp"

namespace appinfra::label
{

static void check_relabel(const ObjectAddress *object, const char *label);
static bool parse(const char *text, Label *label);
static void announce(Oid role);
static Found read(Oid class_id, Oid object_id, Label *label);

const char *
of_group(const char *db_id, const char *access)
{
    return psprintf("%s group %s", db_id, access);
}

const char *
of_login(const char *db_id, const char *access, bool gateways)
{
    return psprintf("%s %s %s", db_id, gateways ? "gateway" : "login", access);
}

const char *
of_template(int hardening)
{
    return psprintf("- template %d", hardening);
}

const char *
of_shell(const char *db_id, int hardening)
{
    return psprintf("%s shell %d", db_id, hardening);
}

const char *
of_tenant(const char *db_id, int hardening)
{
    return psprintf("%s tenant %d", db_id, hardening);
}

const char *
of(const Label &label)
{
    return psprintf("%s %s %s", label.db_id, label.kind, label.detail);
}

bool
is_login(const Label &label)
{
    return strcmp(label.kind, "login") == 0 || is_gateway_login(label);
}

bool
is_gateway_login(const Label &label)
{
    return strcmp(label.kind, "gateway") == 0;
}

void
define()
{
    register_label_provider(provider, check_relabel);
}

Found
read_role(Oid role, Label *label)
{
    return read(AuthIdRelationId, role, label);
}

bool
of_role(Oid role, Label *label)
{
    return read_role(role, label) == Found::well_formed;
}

bool
of_database(Oid database, Label *label)
{
    return read(DatabaseRelationId, database, label) == Found::well_formed;
}

void
visit_roles(const char *db_id, void (*visit)(void *self, Oid role, const Label &label), void *self)
{
    Relation relation = table_open(SharedSecLabelRelationId, AccessShareLock);
    SysScanDesc scan = systable_beginscan(relation, InvalidOid, false, nullptr, 0, nullptr);

    while (HeapTuple tuple = systable_getnext(scan)) {
        const auto *form = reinterpret_cast<Form_pg_shseclabel>(GETSTRUCT(tuple));
        Label label;

        if (form->classoid == AuthIdRelationId && of_role(form->objoid, &label) &&
            strcmp(label.db_id, db_id) == 0)
            visit(self, form->objoid, label);
    }
    systable_endscan(scan);
    table_close(relation, AccessShareLock);
}

/* Refuses labels of anyone but a superuser, on anything but roles and databases, or malformed. */
static void
check_relabel(const ObjectAddress *object, const char *label)
{
    Label parsed;

    if (!superuser())
        ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                        errmsg("permission denied to set a security label of \"%s\"", provider),
                        errdetail("The extension's own functions set these labels.")));
    if (object->classId != AuthIdRelationId && object->classId != DatabaseRelationId)
        ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                        errmsg("\"%s\" labels roles and databases only", provider)));
    if (label != nullptr && !parse(label, &parsed))
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("invalid security label \"%s\"", label),
                        errdetail("A label is three words separated by single spaces.")));
    if (object->classId == AuthIdRelationId)
        announce(object->objectId);
}

/* Has every session ask anew whose roles are whose: by itself a label tells nobody. */
static void
announce(Oid role)
{
    Relation relation = table_open(AuthIdRelationId, AccessShareLock);
    HeapTuple tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(role));

    if (HeapTupleIsValid(tuple)) {
        CacheInvalidateHeapTuple(relation, tuple, nullptr);
        ReleaseSysCache(tuple);
    }
    table_close(relation, AccessShareLock);
}

/* Reads the label of a shared object. Works during authentication, when no syscache may help. */
static Found
read(Oid class_id, Oid object_id, Label *label)
{
    ObjectAddress address = {.classId = class_id, .objectId = object_id, .objectSubId = 0};
    char *text = GetSecurityLabel(&address, provider);

    if (text == nullptr)
        return Found::none;
    return parse(text, label) ? Found::well_formed : Found::malformed;
}

/* Splits the text into its three words; false when it is not three. */
static bool
parse(const char *text, Label *label)
{
    char *words[] = {label->db_id, label->kind, label->detail};

    for (char *word : words) {
        size_t length = strcspn(text, " ");

        if (length == 0 || length >= word_limit)
            return false;
        memcpy(word, text, length);
        word[length] = '\0';
        text += length;
        if (*text == ' ' && word != label->detail)
            text++;
    }
    return *text == '\0';
}

} // namespace appinfra::label
