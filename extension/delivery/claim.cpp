/*
 * Chooses what is due, mints what it delivers, and makes the rows. See claim.hpp.
 *
 * A claimed password leaves in the row that is returned. Of its copies, the minted one and the
 * row's JSON are wiped here; those in the memory of this statement (a DSN, the JSON before it is
 * serialized, the row in the tuplestore) go with the statement's memory contexts, as all do when an
 * error comes between.
 */
#include "delivery/claim.hpp"

#include "audit/audit.hpp"
#include "base/scope.hpp"
#include "delivery/kind.hpp"
#include "delivery/timeline.hpp"
#include "registry/companion.hpp"
#include "registry/publication.hpp"

namespace appinfra::claim
{

/* A publication whose binding, owner and own row are locked by this transaction. */
struct Due {
    binding::Binding binding;
    kind::Owner owner;
    const kind::Kind *kind;
    int64 id;
    bool set; /* false: the variables are to be unset */
    int64 credential_id;
    bool renewed; /* it takes a new version */
    int64 version;
    companion::Load load; /* beside the binding's own variables */
};

/* Who claims, and for how long. */
struct Claimer {
    const char *worker;
    const Interval *lease;
    ReturnSetInfo *result;
    MemoryContext caller;
};

static std::span<Due> find_due(const Request &request);
static query::Rows lock_due(const Request &request, int64 after, int32 limit);
static Due from_row(const query::Rows &rows, uint64 row);
static bool lock_owner(Due *due);
static bool is_next(const Due &due);
static void put_off(const Due &due, const Failure *failure);
static void claim_one(Due *due, const Claimer &claimer);
static Datum unset_of(const Due &due);
static void emit(const Due &due, const pg_uuid_t *claim, int32 attempt, const kind::Minted &minted,
                 ReturnSetInfo *result);

void
claim(const Request &request, ReturnSetInfo *result)
{
    PreventCommandIfReadOnly("claim_publications()");
    PreventCommandDuringRecovery("claim_publications()");
    /* a password must not be out while its verifier can still be lost in a crash */
    ForceSyncCommit();
    with_spi([&](MemoryContext caller) {
        const Claimer claimer = {
            .worker = request.worker, .lease = request.lease, .result = result, .caller = caller};

        if (!timeline::is_settled())
            return;
        for (Due &due : find_due(request)) {
            if (!is_next(due))
                continue;
            const Failure *failure = attempt_part([&] { claim_one(&due, claimer); });
            if (failure != nullptr)
                put_off(due, failure);
        }
    });
}

/*
 * Locks and returns what may be claimed now, the oldest first. What another transaction has locked
 * (publication, binding or owner) is passed over: nobody waits here.
 */
static std::span<Due>
find_due(const Request &request)
{
    const int32 batch = request.batch;
    auto *found = static_cast<Due *>(palloc(batch * sizeof(Due)));
    int32 count = 0;
    int64 after = 0;

    /* again as long as owners, which are locked only now, have left places in the batch */
    for (;;) {
        int32 wanted = batch - count;
        query::Rows rows = lock_due(request, after, wanted);

        for (uint64 i = 0; i < rows.count; i++) {
            Due due = from_row(rows, i);

            after = due.id;
            if (lock_owner(&due))
                found[count++] = due;
        }
        if (rows.count < static_cast<uint64>(wanted) || count == batch)
            return {found, static_cast<size_t>(count)};
    }
}

/* Locks publications of higher ids that are due, with their bindings, and returns them. */
static query::Rows
lock_due(const Request &request, int64 after, int32 limit)
{
    static query::Query select = {
        "SELECT " BINDING_COLUMNS
        ", p.publication_id, p.kind = 'set', coalesce(p.credential_id, p.key_number),"
        /* a later claim takes a new version: a late delivery of the earlier one is then the lower.
         * So does what was owed on a former timeline */
        "       p.attempt > 0 OR p.version <= (SELECT floor FROM appinfra.host), p.version"
        "  FROM appinfra.publication p JOIN appinfra.binding b USING (binding_id)"
        " WHERE p.publication_id > $1 AND b.producer = ANY ($3) AND p.kind <> 'handout'"
        /* it is pending, its time has come, and no claim that still has a lease, be it of a former
         * holder that is being unset, may write one of its variables */
        "   AND ((p.status = 'pending' AND p.not_before <= clock_timestamp() AND NOT EXISTS ("
        "         SELECT FROM appinfra.publication c JOIN appinfra.binding o USING (binding_id)"
        "          WHERE c.status = 'claimed' AND c.lease_until >= clock_timestamp()"
        "            AND o.target = b.target AND o.variables && b.variables))"
        /* or it was claimed, and that claim has not been acknowledged within its lease */
        "    OR (p.status = 'claimed' AND p.lease_until < clock_timestamp()))"
        /* each claim that is lost leaves a login: after eight of them, further ones become rare */
        "   AND (p.attempt < 8 OR p.claimed_at +"
        "        make_interval(secs => least(2.0 ^ (p.attempt - 8), 3600)) <= clock_timestamp())"
        " ORDER BY p.publication_id LIMIT $2"
        " FOR UPDATE OF p SKIP LOCKED FOR NO KEY UPDATE OF b SKIP LOCKED"};

    return query::run(select,
                      {query::int8(after), query::int4(limit), query::texts(request.producers)});
}

/* Returns what lock_due() has found in a row; its owner is not known yet. */
static Due
from_row(const query::Rows &rows, uint64 row)
{
    constexpr int first = binding::next_column;

    return {.binding = binding::from_row(rows, row),
            .owner = {},
            .kind = nullptr,
            .id = rows.int8(row, first),
            .set = rows.boolean(row, first + 1),
            .credential_id = rows.int8(row, first + 2),
            .renewed = rows.boolean(row, first + 3),
            .version = rows.int8(row, first + 4),
            .load = {}};
}

/*
 * Locks the owner of what is due and tells whether it can be claimed. Variables are unset for any
 * owner, and set for one that is ready.
 */
static bool
lock_owner(Due *due)
{
    due->kind = &kind::of(due->binding);
    return due->kind->lock_owner(due->binding, kind::Wait::no, &due->owner) &&
           (!due->set || (due->owner.ready &&
                          (due->kind->is_free == nullptr || due->kind->is_free(due->owner))));
}

/*
 * Tells whether the publication, now that its binding is locked, is the one to be claimed. One that
 * was claimed and has a newer one behind it, or lost its variables to another binding, is
 * superseded instead: the newer one goes next.
 */
static bool
is_next(const Due &due)
{
    return !publication::supersede_if_outdated(due.id) &&
           !publication::has_competitor(due.id, due.binding.id);
}

/*
 * Leaves a publication that cannot be claimed (its login or its group is missing) for later, so
 * that it does not stand before all others for ever. The reason is in appinfra.publications.
 */
static void
put_off(const Due &due, const Failure *failure)
{
    publication::put_off(due.id, failure->message);
    ereport(WARNING,
            (errcode(failure->code),
             errmsg("publication " INT64_FORMAT " cannot be claimed: %s", due.id, failure->message),
             errdetail("It is tried again in a minute.")));
}

/* Claims one publication, mints what it sets, and appends its row to the result. */
static void
claim_one(Due *due, const Claimer &claimer)
{
    const pg_uuid_t *claim = secrets::random_uuid();
    kind::Minted minted = {};

    if (due->set) {
        due->kind->mint(due->owner, due->binding, due->credential_id, &minted);
        due->credential_id = minted.credential_id;
    }
    due->load = companion::load(due->binding, due->set);
    if (due->renewed || !companion::is_above(due->binding, due->load, due->version))
        due->version = binding::next_version(due->binding.id);
    int32 attempt = publication::mark_claimed({.publication_id = due->id,
                                               .version = due->version,
                                               .credential_id = due->credential_id,
                                               .worker = claimer.worker,
                                               .lease = claimer.lease,
                                               .id = claim});
    companion::mark_claimed(due->binding, due->load, due->version);
    audit::record("claim_publication", due->owner.id, minted.username,
                  audit::detail({{"publication_id", psprintf(INT64_FORMAT, due->id)},
                                 {"worker", claimer.worker}}));
    in_context(claimer.caller, [&] { emit(*due, claim, attempt, minted, claimer.result); });
    secrets::wipe(&minted.password);
}

/* Returns the variables that the publication unsets. */
static Datum
unset_of(const Due &due)
{
    static query::Query join = {"SELECT $1 || $2"};

    if (due.set)
        return due.load.unset;
    return query::run(join, {query::texts(due.binding.variables), query::texts(due.load.unset)})
        .datum(0, 1);
}

/* Appends the row of a claimed publication to the result. */
static void
emit(const Due &due, const pg_uuid_t *claim, int32 attempt, const kind::Minted &minted,
     ReturnSetInfo *result)
{
    const binding::Binding &binding = due.binding;
    json::Object object;
    json::begin(&object);
    if (due.set)
        due.kind->add_values(due.owner, binding, minted, &object);
    for (const companion::Companion &companion : due.load.set)
        json::add(&object, companion.variable, companion.value);
    Jsonb *set = json::end(&object);
    const Jsonb *storage =
        due.set && due.kind->describe != nullptr ? due.kind->describe(due.owner, minted) : nullptr;
    Datum values[] = {Int64GetDatum(due.id),
                      UUIDPGetDatum(claim),
                      CStringGetTextDatum(binding.target),
                      CStringGetTextDatum(binding.app_id),
                      CStringGetTextDatum(binding.producer),
                      Int64GetDatum(due.version),
                      JsonbPGetDatum(set),
                      unset_of(due),
                      Int32GetDatum(attempt),
                      CStringGetTextDatum(due.owner.id),
                      JsonbPGetDatum(storage)};
    bool nulls[lengthof(values)] = {};

    nulls[lengthof(values) - 1] = storage == nullptr;

    tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
    explicit_bzero(set, VARSIZE(set));
}

} // namespace appinfra::claim
