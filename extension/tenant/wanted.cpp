/* Parses and checks env. See wanted.hpp. */
#include "tenant/wanted.hpp"

#include "base/identifiers.hpp"
#include "base/settings.hpp"
#include "registry/companion.hpp"
#include "registry/credential.hpp"

namespace appinfra::wanted
{

static const Refusal *check_way(const Variable &variable);

constexpr const char *example = "env maps variables to access: {\"DATABASE_URL\": \"owner\"}.";

const Refusal *
check_environment(const Environment &environment)
{
    const Refusal *refusal = nullptr;

    if (environment.app_id != nullptr)
        refusal = identifiers::check_app_id(environment.app_id);
    if (refusal == nullptr && environment.container != nullptr)
        refusal = identifiers::check_container(environment.container);
    return refusal;
}

const Refusal *
check_object(const Jsonb *env)
{
    if (JB_ROOT_IS_OBJECT(env))
        return nullptr;
    return refuse(ERRCODE_INVALID_PARAMETER_VALUE, "env is not a JSON object", nullptr, example);
}

std::span<const Variable>
parse(const Jsonb *env)
{
    static query::Query select = {
        "SELECT e.key, CASE jsonb_typeof(w.entry -> 'access')"
        "                WHEN 'string' THEN w.entry ->> 'access' END,"
        "       CASE jsonb_typeof(w.entry -> 'via') WHEN 'string' THEN w.entry ->> 'via'"
        "            ELSE (w.entry -> 'via')::text END,"
        "       (SELECT min(k) FROM jsonb_object_keys(w.entry) k WHERE k NOT IN ('access', 'via'))"
        "  FROM jsonb_each($1) e"
        " CROSS JOIN LATERAL (SELECT CASE WHEN jsonb_typeof(e.value) = 'object' AND e.value ? 'via'"
        "                                THEN e.value ELSE jsonb_build_object('access', e.value) "
        "END"
        "                   ) w (entry)"
        " ORDER BY e.key <> 'DATABASE_URL', e.key COLLATE \"C\""};
    query::Rows rows = query::run(select, {query::jsonb(env)});

    return query::collect<Variable>(rows, [&](uint64 row) {
        const char *via = rows.text(row, 3);

        return Variable{.name = rows.text(row, 1),
                        .access = rows.text(row, 2),
                        .via = via,
                        .other = rows.text(row, 4),
                        .pooled = via != nullptr && strcmp(via, "pooler") == 0};
    });
}

const Refusal *
check(std::span<const Variable> variables, size_t least)
{
    const Refusal *refusal = check_count("env", variables.size(), least);

    for (const Variable &variable : variables) {
        if (refusal == nullptr)
            refusal = identifiers::check_variable(variable.name);
        if (refusal == nullptr)
            refusal = credential::check_access(
                variable.access, psprintf("environment variable \"%s\"", variable.name));
        if (refusal == nullptr)
            refusal = check_way(variable);
    }
    return refusal;
}

/* Refuses a way to the database that there is not, and what is no part of an entry. */
static const Refusal *
check_way(const Variable &variable)
{
    const char *hint = "An entry is an access, or {\"access\": \"owner\", \"via\": \"pooler\"}.";

    if (variable.other != nullptr)
        return refuse(ERRCODE_INVALID_PARAMETER_VALUE,
                      psprintf("invalid entry for environment variable \"%s\"", variable.name),
                      psprintf("\"%s\" is no part of it.", identifiers::excerpt(variable.other)),
                      hint);
    if (variable.via != nullptr && !variable.pooled)
        return refuse(
            ERRCODE_INVALID_PARAMETER_VALUE,
            psprintf("invalid via for environment variable \"%s\"", variable.name),
            psprintf("\"%s\" is not a way to the database.", identifiers::excerpt(variable.via)),
            hint);
    return nullptr;
}

const Refusal *
check_count(const char *what, size_t count, size_t least)
{
    if (count >= least && count <= identifiers::variables_limit)
        return nullptr;
    return refuse(ERRCODE_INVALID_PARAMETER_VALUE,
                  psprintf("%s names %s", what, count == 0 ? "no variable" : "too many variables"),
                  psprintf("%s has %zu entries; 1 to %d are possible.", what, count,
                           identifiers::variables_limit),
                  strcmp(what, "env") == 0 ? example : nullptr);
}

binding::Place
place_of(const Variable &variable, const char *app_id, const char *container)
{
    return binding::of_app(app_id, binding::one_variable(variable.name), variable.pooled,
                           container);
}

void
reserve(const binding::Place &place)
{
    require(companion::check_free(place.variables));
    if (place.pooled)
        require(settings::check_pooler());
    require(binding::reserve(place));
}

} // namespace appinfra::wanted
