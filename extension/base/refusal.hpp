/*
 * A refusal: what a check found wrong, as a value.
 *
 * Checkers return `const Refusal *`; null means fine. Only raise() reports, so that a check can be
 * asked without an error being thrown. Texts live in the memory context of the caller.
 */
#pragma once

#include "base/pg.hpp"

namespace appinfra
{

struct Refusal {
    int code;            /* SQLSTATE, as MAKE_SQLSTATE packs it */
    const char *message; /* lower case, no full stop */
    const char *detail;  /* sentence, or null */
    const char *hint;    /* sentence, or null */

    /* What was violated, for programs: the error's constraint name, or null. */
    const char *constraint;
};

/* Returns a refusal in the current memory context. */
const Refusal *refuse(int code, const char *message, const char *detail = nullptr,
                      const char *hint = nullptr);

/* Reports the refusal as an ERROR. */
[[noreturn]] void raise(const Refusal *refusal);

/* Reports the refusal as an ERROR unless it is null. */
void require(const Refusal *refusal);

} // namespace appinfra
