/* Outcomes: what became of an audited action. */
#pragma once

#include "base/pg.hpp"

namespace appinfra::audit
{

enum class Outcome : int { done, refused, failed };

/* Returns the word for it in the audit log. */
constexpr const char *
name_of(Outcome outcome)
{
    constexpr const char *names[] = {"done", "refused", "failed"};

    return names[static_cast<int>(outcome)];
}

} // namespace appinfra::audit
