/* Records deliveries and failures, in time and late. See acknowledge.hpp. */
#include "delivery/acknowledge.hpp"

#include "audit/audit.hpp"
#include "base/scope.hpp"
#include "base/secrets.hpp"
#include "delivery/kind.hpp"
#include "delivery/timeline.hpp"
#include "registry/companion.hpp"

namespace appinfra::acknowledge
{

using publication::Delivered;
using publication::Status;

/* Whether a claim is held, was held and may answer late, has answered late, or never was. */
enum class ClaimState { held, lost, answered, unknown };

constexpr int error_limit = 512; /* bytes kept of an error */

/* A publication as an acknowledgement finds it; the row is locked. */
struct Acknowledged {
    int64 id;
    ClaimState claim;
    Status status;
    int64 credential_id;   /* 0: it delivers none */
    const Interval *grace; /* of the credentials that it replaces */
    const Interval *deadline;
    binding::Binding binding;
    bool binding_locked; /* false: another transaction holds it */
    bool handout;        /* never tried again */
};

static Acknowledged find(int64 publication_id, const pg_uuid_t *claim);
static bool lock_above(const binding::Binding &binding, bool claim_is_current);
static Acknowledged lock_publication(int64 publication_id, const pg_uuid_t *claim);
static Status fail_held(const Acknowledged &found, const publication::Failure &failure);
static void acknowledge_late(const Acknowledged &found, const pg_uuid_t *claim);
static void record(const char *action, const Acknowledged &found);
static void record_failure(const Acknowledged &found, Delivered delivered);

bool
extend(int64 publication_id, const pg_uuid_t *claim, const Interval *lease)
{
    bool held = false;

    with_spi([&](MemoryContext) {
        publication::Extension extension = publication::extend(publication_id, claim, lease);

        held = extension.owner_id != nullptr;
        if (held)
            audit::record("extend_claim", extension.owner_id, nullptr,
                          audit::detail({{"publication_id", psprintf(INT64_FORMAT, publication_id)},
                                         {"lease_until", extension.lease_until}}));
    });
    return held;
}

bool
complete(int64 publication_id, const pg_uuid_t *claim, const Jsonb *response)
{
    bool held = false;

    require(timeline::await());
    with_spi([&](MemoryContext) {
        Acknowledged found = find(publication_id, claim);
        bool claimed = found.claim == ClaimState::held && found.status == Status::claimed;

        /* the same answer once more, because the first reply to it was lost: still true */
        held = claimed || (found.claim == ClaimState::held && found.status == Status::published);
        if (claimed) {
            publication::mark_published(publication_id, response);
            if (found.credential_id != 0)
                kind::of(found.binding)
                    .mark_delivered(found.binding.id, found.credential_id, found.grace,
                                    found.deadline);
            companion::mark_published(found.binding);
            record("complete_publication", found);
        } else if (!held && found.claim != ClaimState::answered) {
            acknowledge_late(found, claim);
        }
    });
    return held;
}

Status
fail(int64 publication_id, const pg_uuid_t *claim, const publication::Failure &failure)
{
    Status status = Status::failed;

    require(timeline::await());
    with_spi([&](MemoryContext) {
        Acknowledged found = find(publication_id, claim);

        status = found.status;
        if (found.claim == ClaimState::held && found.status == Status::claimed)
            status = fail_held(found, failure);
        else if (found.claim == ClaimState::lost)
            acknowledge_late(found, claim);
    });
    return status;
}

/* Records the failure of a claim that is held, and returns what the publication is then. */
static Status
fail_held(const Acknowledged &found, const publication::Failure &failure)
{
    Status status = Status::claimed;

    const kind::Kind &kind = kind::of(found.binding);
    kind::Owner owner;
    publication::Failure told = {.error = secrets::without_secrets(failure.error, error_limit),
                                 .delivered = failure.delivered,
                                 .retry_at = failure.retry_at};
    bool judged = kind.before_failure == nullptr;

    if (!judged && found.binding_locked && kind.lock_owner(found.binding, kind::Wait::no, &owner)) {
        kind.before_failure(owner, &told);
        judged = true;
    }
    if (judged && failure.delivered == Delivered::no && found.credential_id != 0)
        kind.withdraw(found.credential_id);
    if (found.handout)
        told.retry_at = {};
    if (found.binding_locked && judged)
        status = publication::mark_failed(found.id, found.binding.id, told);
    else /* somebody is about to replace this publication: the next claim decides */
        publication::give_up_lease(found.id);
    record_failure(found, failure.delivered);
    return status;
}

/*
 * Locks the publication and says what the claim is to it. Raises 42704 for an unknown id or claim.
 * Owner and binding are locked before it, as far as lock_above() says.
 */
static Acknowledged
find(int64 publication_id, const pg_uuid_t *claim)
{
    static query::Query select = {
        "SELECT " BINDING_COLUMNS ", p.claim IS NOT DISTINCT FROM $2"
        "  FROM appinfra.publication p JOIN appinfra.binding b USING (binding_id)"
        " WHERE p.publication_id = $1"};
    query::Rows rows = query::run(select, {query::id(publication_id), query::uuid(claim)});

    if (rows.count == 0)
        raise(refuse(ERRCODE_UNDEFINED_OBJECT,
                     psprintf("publication " INT64_FORMAT " does not exist", publication_id)));
    binding::Binding binding = binding::from_row(rows, 0);
    bool locked = lock_above(binding, rows.boolean(0, binding::next_column));
    Acknowledged found = lock_publication(publication_id, claim);

    if (found.claim == ClaimState::unknown)
        raise(refuse(ERRCODE_UNDEFINED_OBJECT,
                     psprintf("publication " INT64_FORMAT " was never given to this claim",
                              publication_id)));
    /* a claim that a revocation ended was held, and is held no more */
    if (found.claim == ClaimState::held && found.status == Status::cancelled)
        found.claim = ClaimState::lost;
    found.binding = binding;
    found.binding_locked = locked;
    return found;
}

/*
 * Locks what stands above the publication, and tells whether the binding is locked: for the current
 * claim the binding alone, and only if it is free; for any other claim owner and binding, since a
 * late acknowledgement has more to do there.
 */
static bool
lock_above(const binding::Binding &binding, bool claim_is_current)
{
    kind::Owner owner;

    if (claim_is_current)
        return binding::try_lock(binding.id);
    kind::of(binding).lock_owner(binding, kind::Wait::yes, &owner);
    binding::lock(binding.id);
    return true;
}

/* Locks the publication's row and returns it, but for its binding. */
static Acknowledged
lock_publication(int64 publication_id, const pg_uuid_t *claim)
{
    static query::Query select = {
        /* the claim it has now, one that it has lost, one that has answered late, none of these */
        "SELECT CASE WHEN claim = $2 THEN 0 WHEN $2 = ANY (past_claims) THEN 1"
        "            WHEN $2 = ANY (answered_claims) THEN 2 ELSE 3 END,"
        "       status, coalesce(credential_id, bucket_key_id, key_number), grace, deadline,"
        "       kind = 'handout'"
        "  FROM appinfra.publication WHERE publication_id = $1 FOR UPDATE"};
    query::Rows rows = query::run(select, {query::id(publication_id), query::uuid(claim)});

    return {.id = publication_id,
            .claim = static_cast<ClaimState>(rows.int4(0, 1)),
            .status = states::parse<Status>(rows.text(0, 2)),
            .credential_id = rows.int8(0, 3),
            .grace = DatumGetIntervalP(rows.datum(0, 4)),
            .deadline = DatumGetIntervalP(rows.datum(0, 5)),
            .binding = {},
            .binding_locked = false,
            .handout = rows.boolean(0, 6)};
}

/*
 * Acknowledges a claim that was lost: what it delivered may stand over something newer, so whoever
 * holds the variables now is published once more. Only the first acknowledgement of a claim counts.
 */
static void
acknowledge_late(const Acknowledged &found, const pg_uuid_t *claim)
{
    publication::mark_answered(found.id, claim);
    for (int64 id : binding::holders(found.binding.id)) {
        kind::Owner owner;
        const binding::Binding holder = binding::read(id);
        const kind::Kind &kind = kind::of(holder);

        kind.lock_owner(holder, kind::Wait::yes, &owner);
        bool ended = binding::lock(id).ended;
        if (!publication::is_pending(id) && (ended || owner.ready))
            publication::enqueue(id, 0);
    }
    record("late_answer", found);
}

/* Records an acknowledgement in the audit. */
static void
record(const char *action, const Acknowledged &found)
{
    audit::record(action, found.binding.owner_id, nullptr,
                  audit::detail({{"publication_id", psprintf(INT64_FORMAT, found.id)}}));
}

/* Records a failed delivery in the audit. */
static void
record_failure(const Acknowledged &found, Delivered delivered)
{
    audit::record(
        "fail_publication", found.binding.owner_id, nullptr,
        audit::detail({{"publication_id", psprintf(INT64_FORMAT, found.id)},
                       {"delivered", delivered == Delivered::unknown ? "unknown" : "no"}}));
}

} // namespace appinfra::acknowledge
