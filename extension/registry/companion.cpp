/* Chooses what is carried, and keeps its versions. See companion.hpp. */
#include "registry/companion.hpp"

#include "base/settings.hpp"

namespace appinfra::companion
{

constexpr const char *database_producer = "postgres";

static std::span<const Companion> wanted(const binding::Binding &binding);
static bool carries(const binding::Binding &binding, bool set);
static bool is_held(const binding::Binding &binding, const char *variable);
static Datum no_longer_wanted(const binding::Binding &binding,
                              std::span<const Companion> companions);
static Datum names(std::span<const Companion> companions);
static Datum none();

const Refusal *
check_free(Datum variables)
{
    static query::Query select = {"SELECT FROM unnest($1) name WHERE name = $2"};

    if (query::run(select, {query::texts(variables), query::text(settings::public_ca_variable)})
            .count == 0)
        return nullptr;
    return refuse(
        ERRCODE_INVALID_PARAMETER_VALUE,
        psprintf("environment variable \"%s\" may not be asked for", settings::public_ca_variable),
        "It holds the certificates that are published beside DSNs.",
        "Use another name, or set appinfra.public_ca_variable to one.");
}

Load
load(const binding::Binding &binding, bool set)
{
    std::span<const Companion> companions = {};

    if (strcmp(binding.kind, database_producer) != 0 || !carries(binding, set))
        return {.set = {}, .unset = none()};
    if (set)
        companions = wanted(binding);
    return {.set = companions, .unset = no_longer_wanted(binding, companions)};
}

/* Returns what is to stand beside the binding's variables by the settings as they are. */
static std::span<const Companion>
wanted(const binding::Binding &binding)
{
    auto *companions = static_cast<Companion *>(palloc(2 * sizeof(Companion)));
    size_t count = 0;
    const char *path = settings::effective_public_sslrootcert();

    if (settings::public_ca_certificates()[0] != '\0' &&
        !is_held(binding, settings::public_ca_variable))
        companions[count++] = {settings::public_ca_variable, settings::public_ca_certificates()};
    /* a DSN says it itself, the variables of a service do not */
    if (binding.service_id != nullptr && path != nullptr)
        companions[count++] = {"PGSSLROOTCERT", path};
    return {companions, count};
}

/*
 * Tells whether the binding is the first of its target whose tenant is ready; where variables are
 * unset, whether there is no other one.
 */
static bool
carries(const binding::Binding &binding, bool set)
{
    static query::Query select = {
        "SELECT FROM appinfra.binding o JOIN appinfra.tenant t USING (db_id)"
        " WHERE o.target = $1 AND o.binding_id <> $2 AND o.producer = $4"
        "   AND NOT o.ended AND t.status = 'ready' AND (o.binding_id < $2 OR NOT $3) LIMIT 1"};

    return query::run(select, {query::text(binding.target), query::id(binding.id),
                               query::boolean(set), query::text(database_producer)})
               .count == 0;
}

/* Tells whether a binding has the variable for itself, from before it was a companion's. */
static bool
is_held(const binding::Binding &binding, const char *variable)
{
    static query::Query select = {"SELECT FROM appinfra.variable WHERE target = $1"
                                  "   AND variable = $2 AND binding_id IS NOT NULL"};

    return query::run(select, {query::text(binding.target), query::text(variable)}).count > 0;
}

/* Returns the companions of the target that are there and not among these. */
static Datum
no_longer_wanted(const binding::Binding &binding, std::span<const Companion> companions)
{
    static query::Query select = {
        "SELECT coalesce(array_agg(variable ORDER BY variable COLLATE \"C\"), '{}')"
        "  FROM appinfra.variable WHERE target = $1 AND companion IS NOT NULL"
        "   AND binding_id IS NULL AND variable <> ALL ($2)"};
    query::Rows rows =
        query::run(select, {query::text(binding.target), query::texts(names(companions))});

    return rows.datum(0, 1);
}

bool
is_above(const binding::Binding &binding, const Load &load, int64 version)
{
    static query::Query select = {
        "SELECT FROM appinfra.variable WHERE target = $1 AND companion IS NOT NULL"
        "   AND variable = ANY ($2 || $3) AND version >= $4 LIMIT 1"};

    return query::run(select, {query::text(binding.target), query::texts(names(load.set)),
                               query::texts(load.unset), query::int8(version)})
               .count == 0;
}

void
mark_claimed(const binding::Binding &binding, const Load &load, int64 version)
{
    static query::Query set = {
        "INSERT INTO appinfra.variable AS v (target, variable, version, companion)"
        " SELECT $1, name, $3, 'set' FROM unnest($2) name"
        "     ON CONFLICT (target, variable) DO UPDATE"
        "    SET version = greatest(v.version, excluded.version), companion = 'set'"
        "  WHERE v.binding_id IS NULL"};
    static query::Query unset = {"UPDATE appinfra.variable SET version = $3, companion = 'unset'"
                                 " WHERE target = $1 AND variable = ANY ($2)"};

    query::run(set,
               {query::text(binding.target), query::texts(names(load.set)), query::int8(version)});
    query::run(unset,
               {query::text(binding.target), query::texts(load.unset), query::int8(version)});
}

void
mark_published(const binding::Binding &binding)
{
    static query::Query update = {"UPDATE appinfra.variable SET companion = NULL"
                                  " WHERE target = $1 AND companion = 'unset'"};

    query::run(update, {query::text(binding.target)});
}

/* Returns the variables of companions, as a text[]. */
static Datum
names(std::span<const Companion> companions)
{
    Datum variables[2];
    int count = 0;

    for (const Companion &companion : companions)
        variables[count++] = CStringGetTextDatum(companion.variable);
    return PointerGetDatum(construct_array(variables, count, TEXTOID, -1, false, TYPALIGN_INT));
}

static Datum
none()
{
    return PointerGetDatum(construct_empty_array(TEXTOID));
}

} // namespace appinfra::companion
