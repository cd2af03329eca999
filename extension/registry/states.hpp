/*
 * States: what a tenant, a bucket, a credential or key, and a publication can be.
 *
 * The names are those of the CHECK constraints, in the same order; tools/check-consistency.sh
 * compares them. SQL texts write a state by its name; C++ compares the enumerators.
 */
#pragma once

#include "base/pg.hpp"

namespace appinfra::states
{

enum class Tenant { ready, revoked, retiring, retained, dropping, dropped };
enum class Bucket { planned, ready, revoked, retiring, retained, dropping, dropped, failed };
enum class Credential { waiting, active, retiring, revoked, gone };
enum class Publication { pending, claimed, published, failed, superseded, cancelled };

template <typename State> struct Names;
template <> struct Names<Tenant> {
    static constexpr auto all = std::to_array<const char *>(
        {"ready", "revoked", "retiring", "retained", "dropping", "dropped"});
    static_assert(all.size() == static_cast<size_t>(Tenant::dropped) + 1);
};
template <> struct Names<Bucket> {
    static constexpr auto all = std::to_array<const char *>(
        {"planned", "ready", "revoked", "retiring", "retained", "dropping", "dropped", "failed"});
    static_assert(all.size() == static_cast<size_t>(Bucket::failed) + 1);
};
template <> struct Names<Credential> {
    static constexpr auto all =
        std::to_array<const char *>({"waiting", "active", "retiring", "revoked", "gone"});
    static_assert(all.size() == static_cast<size_t>(Credential::gone) + 1);
};
template <> struct Names<Publication> {
    static constexpr auto all = std::to_array<const char *>(
        {"pending", "claimed", "published", "failed", "superseded", "cancelled"});
    static_assert(all.size() == static_cast<size_t>(Publication::cancelled) + 1);
};

/* Returns the name of a state, as the tables have it. */
template <typename State>
const char *
name(State state)
{
    return Names<State>::all[static_cast<size_t>(state)];
}

/* Returns the state of that name. */
template <typename State>
State
parse(const char *text)
{
    for (size_t i = 0; i < Names<State>::all.size(); i++)
        if (strcmp(Names<State>::all[i], text) == 0)
            return static_cast<State>(i);
    elog(ERROR, "\"%s\" is no state", text);
}

} // namespace appinfra::states
