/* Marks bindings as stale. See stale.hpp. */
#include "registry/stale.hpp"

#include "base/query.hpp"

namespace appinfra::stale
{

/* What was only handed to its caller is none of a producer's. */
#define WAS_TO_BE_PUBLISHED                                                                        \
    "EXISTS (SELECT FROM appinfra.publication p WHERE p.binding_id = b.binding_id"                 \
    "           AND p.kind <> 'handout')"

int64
mark_all(int64 version)
{
    static query::Query update = {
        "UPDATE appinfra.binding b SET stale_version = $1, stale_since = clock_timestamp()"
        " WHERE (NOT ended AND " WAS_TO_BE_PUBLISHED ") OR binding_id IN ("
        "       SELECT max(o.binding_id) FROM appinfra.variable v JOIN appinfra.binding o"
        "           ON o.target = v.target AND v.variable = ANY (o.variables)"
        "        WHERE v.binding_id IS NULL AND v.version > 0 GROUP BY v.target, v.variable)"};

    return static_cast<int64>(query::run(update, {query::int8(version)}).count);
}

bool
mark(int64 binding_id)
{
    static query::Query update = {
        "UPDATE appinfra.binding b SET stale_version = version, stale_since = clock_timestamp()"
        " WHERE binding_id = $1 AND " WAS_TO_BE_PUBLISHED};

    return query::run(update, {query::id(binding_id)}).count > 0;
}

void
forget(int64 binding_id)
{
    static query::Query update = {
        "UPDATE appinfra.binding SET stale_version = NULL, stale_since = NULL"
        " WHERE binding_id = $1"};

    query::run(update, {query::id(binding_id)});
}

} // namespace appinfra::stale
