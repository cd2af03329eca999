/* Retries publications. See retry.hpp. */
#include "delivery/retry.hpp"

#include "audit/audit.hpp"
#include "base/scope.hpp"
#include "delivery/kind.hpp"
#include "delivery/timeline.hpp"
#include "registry/publication.hpp"

namespace appinfra::retry
{

using publication::Status;

static binding::Binding lock_binding(int64 publication_id, bool *ready);
static const char *why_not(int64 publication_id, bool ready, Status *status);

void
retry(int64 publication_id)
{
    require(timeline::await());
    with_spi([&](MemoryContext) {
        bool ready;
        const binding::Binding binding = lock_binding(publication_id, &ready);
        Status status;

        if (const char *hint = why_not(publication_id, ready, &status))
            raise(refuse(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                         psprintf("publication " INT64_FORMAT " cannot be retried", publication_id),
                         psprintf("Its status is \"%s\".", states::name(status)), hint));
        publication::mark_retried(publication_id);
        if (const kind::Kind &kind = kind::of(binding); kind.before_retry != nullptr)
            kind.before_retry(
                {.id = binding.owner_id, .name = nullptr, .ready = true, .retriable = true});
        audit::record("retry_publication", binding.owner_id, nullptr,
                      audit::detail({{"publication_id", psprintf(INT64_FORMAT, publication_id)}}));
    });
}

/*
 * Locks the owner and the binding of a publication, in this order, or raises 42704. Says whether
 * the owner may have new credentials.
 */
static binding::Binding
lock_binding(int64 publication_id, bool *ready)
{
    static query::Query select = {
        "SELECT " BINDING_COLUMNS
        "  FROM appinfra.publication p JOIN appinfra.binding b USING (binding_id)"
        " WHERE p.publication_id = $1"};
    query::Rows rows = query::run(select, {query::id(publication_id)});
    kind::Owner owner;

    if (rows.count == 0)
        raise(refuse(ERRCODE_UNDEFINED_OBJECT,
                     psprintf("publication " INT64_FORMAT " does not exist", publication_id),
                     nullptr, "Look at appinfra.publications."));
    const binding::Binding found = binding::from_row(rows, 0);
    const kind::Kind &kind = kind::of(found);
    kind.lock_owner(found, kind::Wait::yes, &owner);
    *ready = owner.retriable;
    return binding::lock(found.id);
}

/* Locks the publication; returns why it stays as it is, or a null pointer: it does not. */
static const char *
why_not(int64 publication_id, bool ready, Status *status)
{
    static query::Query select = {
        "SELECT p.status,"
        /* the binding has ended: there is nothing to set, or a new holder has nothing to unset */
        "       b.ended AND (p.kind = 'set' OR EXISTS (SELECT FROM appinfra.variable v"
        "         WHERE v.target = b.target AND v.variable = ANY (b.variables)"
        "           AND " VARIABLE_IS_FILLED ")),"
        "       EXISTS (SELECT FROM appinfra.publication n"
        "         WHERE n.binding_id = p.binding_id AND n.version > p.version),"
        "       p.kind = 'set' AND NOT $2, p.kind = 'handout'"
        "  FROM appinfra.publication p JOIN appinfra.binding b USING (binding_id)"
        " WHERE publication_id = $1 FOR UPDATE OF p"};
    query::Rows found = query::run(select, {query::id(publication_id), query::boolean(ready)});
    bool outlived = found.boolean(0, 2);
    bool has_newer = found.boolean(0, 3);

    *status = states::parse<Status>(found.text(0, 1));
    if (outlived || has_newer)
        return "A newer publication of the same variables replaced it.";
    if (found.boolean(0, 5))
        return "A hand-out is never repeated: ask for another key.";
    if (*status != Status::failed)
        return "Only a failed publication can be retried.";
    /* it would be pending for as long as there is nothing to deliver */
    return found.boolean(0, 4)
               ? "The tenant is not ready: restore_tenant() publishes what was revoked."
               : nullptr;
}

} // namespace appinfra::retry
