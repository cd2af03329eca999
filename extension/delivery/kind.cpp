/* Keeps the kinds. See kind.hpp. */
#include "delivery/kind.hpp"

namespace appinfra::kind
{

/* All that there can be; raise it with the first kind that does not fit. */
constexpr int kinds_limit = 4;

static const Kind *kinds[kinds_limit];
static int count = 0;

void
add(const Kind &kind)
{
    if (count == kinds_limit)
        elog(ERROR, "too many kinds of publications");
    kinds[count++] = &kind;
}

const Kind &
of(const binding::Binding &binding)
{
    for (const Kind *kind : std::span(kinds, count))
        if (strcmp(kind->name, binding.kind) == 0)
            return *kind;
    elog(ERROR, "there is no kind of publications \"%s\"", binding.kind);
}

} // namespace appinfra::kind
