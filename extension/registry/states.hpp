/*
 * States: what a tenant, a credential and a publication can be.
 *
 * The names are those of the CHECK constraints, in the same order; tools/check-consistency.sh
 * compares them. SQL texts write a state by its name; C++ compares the enumerators.
 */
#pragma once

#include "base/pg.hpp"

namespace appinfra::states
{

enum class Tenant { ready, revoked, retiring, retained, dropping, dropped };
enum class Credential { waiting, active, retiring, revoked, gone };
enum class Publication { pending, claimed, published, failed, superseded, cancelled };

template <typename State> constexpr std::array<const char *, 0> names = {};

template <>
constexpr auto names<Tenant> = std::to_array<const char *>({"ready", "revoked", "retiring",
                                                            "retained", "dropping", "dropped"});
template <>
constexpr auto names<Credential> = std::to_array<const char *>({"waiting", "active", "retiring",
                                                                "revoked", "gone"});
template <>
constexpr auto names<Publication> = std::to_array<const char *>({"pending", "claimed", "published",
                                                                 "failed", "superseded",
                                                                 "cancelled"});

static_assert(names<Tenant>.size() == static_cast<size_t>(Tenant::dropped) + 1);
static_assert(names<Credential>.size() == static_cast<size_t>(Credential::gone) + 1);
static_assert(names<Publication>.size() == static_cast<size_t>(Publication::cancelled) + 1);

/* Returns the name of a state, as the tables have it. */
template <typename State>
const char *
name(State state)
{
    return names<State>[static_cast<size_t>(state)];
}

/* Returns the state of that name. */
template <typename State>
State
parse(const char *text)
{
    for (size_t i = 0; i < names<State>.size(); i++)
        if (strcmp(names<State>[i], text) == 0)
            return static_cast<State>(i);
    elog(ERROR, "\"%s\" is no state", text);
}

} // namespace appinfra::states
