/*
 * Claims: choosing what is due, minting what it delivers. The other half of publication.hpp.
 *
 * The plaintext of a password exists here, in the row that is returned, and nowhere else.
 */
#include "delivery/publication.hpp"

#include "audit/audit.hpp"
#include "base/query.hpp"
#include "base/scope.hpp"
#include "delivery/binding.hpp"
#include "delivery/environment.hpp"
#include "delivery/timeline.hpp"
#include "registry/credential.hpp"

namespace appinfra::publication
{

/* A publication whose binding, tenant and own row are locked by this transaction. */
struct Due {
    int64 id;
    int64 binding_id;
    bool set;
    int64 credential_id;
    int32 attempt;
    int64 version;
    credential::Purpose purpose;
};

static int find_due(int32 batch, Due **due);
static bool is_next(const Due &due);
static void put_off(const Due &due, const Failure *failure);
static void claim_one(Due *due, const char *worker, const Interval *lease, ReturnSetInfo *result,
                      MemoryContext caller);
static environment::Login mint(Due *due, secrets::Password *password);
static void emit(const Due &due, const pg_uuid_t *claim, const environment::Login &login,
                 ReturnSetInfo *result);

void
claim(const char *worker, int32 batch, const Interval *lease, ReturnSetInfo *result)
{
    PreventCommandIfReadOnly("claim_publications()");
    PreventCommandDuringRecovery("claim_publications()");
    /* a password must not be out while its verifier can still be lost in a crash */
    ForceSyncCommit();
    with_spi([=](MemoryContext caller) {
        Due *due;

        if (!timeline::is_settled())
            return;
        int count = find_due(batch, &due);

        for (Due &one : std::span(due, count)) {
            if (!is_next(one))
                continue;
            const Failure *failure =
                attempt_part([&] { claim_one(&one, worker, lease, result, caller); });
            if (failure != nullptr)
                put_off(one, failure);
        }
    });
}

/* Locks and returns what is pending, or claimed by somebody whose lease has ended. */
static int
find_due(int32 batch, Due **due)
{
    static query::Query select = {
        "SELECT p.publication_id, p.binding_id, p.kind = 'set', p.credential_id, p.attempt,"
        "       p.version, t.db_id, t.database::text, b.access, b.service_id, b.host_id"
        "  FROM appinfra.publication p JOIN appinfra.binding b USING (binding_id)"
        "  JOIN appinfra.tenant t ON t.db_id = b.db_id"
        /* nor while a former holder of the variables is still being unset */
        " WHERE (p.kind = 'unset' OR t.status = 'ready')"
        "   AND ((p.status = 'pending' AND p.not_before <= clock_timestamp() AND NOT EXISTS ("
        "         SELECT FROM appinfra.publication c JOIN appinfra.binding o USING (binding_id)"
        "          WHERE c.status = 'claimed' AND c.lease_until >= clock_timestamp()"
        "            AND o.target = b.target AND o.variables && b.variables))"
        "    OR (p.status = 'claimed' AND p.lease_until < clock_timestamp()))"
        /* each claim that is lost leaves a login: many in a row become rare */
        "   AND (p.attempt < 8 OR p.claimed_at +"
        "        make_interval(secs => least(2.0 ^ (p.attempt - 8), 3600)) <= clock_timestamp())"
        " ORDER BY p.publication_id LIMIT $1"
        " FOR UPDATE OF p SKIP LOCKED FOR NO KEY UPDATE OF b, t SKIP LOCKED"};
    int count = query::run(select, {query::int4(batch)});

    *due = static_cast<Due *>(palloc(Max(count, 1) * sizeof(Due)));
    for (int i = 0; i < count; i++)
        (*due)[i] = {.id = query::int8_at(i, 1),
                     .binding_id = query::int8_at(i, 2),
                     .set = query::bool_at(i, 3),
                     .credential_id = query::int8_at(i, 4),
                     .attempt = query::int4_at(i, 5),
                     .version = query::int8_at(i, 6),
                     .purpose = {.db_id = query::text_at(i, 7),
                                 .database = query::text_at(i, 8),
                                 .access = query::text_at(i, 9),
                                 .binding_id = query::int8_at(i, 2),
                                 .service_id = query::text_at(i, 10),
                                 .host_id = query::text_at(i, 11)}};
    return count;
}

/*
 * Tells whether the publication, now that its binding is locked, is the one to be claimed. One that
 * was claimed and has a newer one behind it, or lost its variables to another binding, is
 * superseded instead: the newer one goes next.
 */
static bool
is_next(const Due &due)
{
    static query::Query supersede = {
        "UPDATE appinfra.publication p SET status = 'superseded', ended_at = clock_timestamp(),"
        "       past_claims = past_claims || claim, claim = NULL, lease_until = NULL"
        " WHERE p.publication_id = $1 AND p.status = 'claimed' AND (EXISTS ("
        "       SELECT FROM appinfra.publication n"
        "        WHERE n.binding_id = p.binding_id AND n.status = 'pending') OR EXISTS ("
        "       SELECT FROM appinfra.binding b JOIN appinfra.variable v"
        "           ON v.target = b.target AND v.variable = ANY (b.variables)"
        "        WHERE b.binding_id = p.binding_id AND v.binding_id <> b.binding_id))"};
    static query::Query competitor = {
        "SELECT FROM appinfra.publication"
        " WHERE binding_id = $2 AND status = 'claimed' AND publication_id <> $1"};

    if (query::run(supersede, {query::int8(due.id)}) > 0)
        return false;
    return query::run(competitor, {query::int8(due.id), query::int8(due.binding_id)}) == 0;
}

/*
 * Leaves a publication that cannot be claimed (its login or its group is missing) for later, so
 * that it does not stand before all others for ever. The reason is in appinfra.publications.
 */
static void
put_off(const Due &due, const Failure *failure)
{
    static query::Query update = {
        "UPDATE appinfra.publication SET status = 'pending', error = $2, lease_until = NULL,"
        "       not_before = clock_timestamp() + interval '1 minute' WHERE publication_id = $1"};

    query::run(update, {query::int8(due.id), query::text(failure->message)});
    ereport(WARNING,
            (errcode(failure->code),
             errmsg("publication " INT64_FORMAT " cannot be claimed: %s", due.id, failure->message),
             errdetail("It is tried again in a minute.")));
}

/* Claims one publication, mints what it sets, and appends its row to the result. */
static void
claim_one(Due *due, const char *worker, const Interval *lease, ReturnSetInfo *result,
          MemoryContext caller)
{
    /* a later claim takes a new version: a late delivery of the earlier one is then the lower */
    static query::Query update = {
        "UPDATE appinfra.publication SET status = 'claimed', attempt = attempt + 1, version = $2,"
        "       credential_id = $3, worker = $4, claimed_at = clock_timestamp(),"
        "       lease_until = clock_timestamp() + $5, claim = $6, error = NULL, delivered = NULL,"
        "       past_claims = CASE WHEN claim IS NULL THEN past_claims ELSE past_claims || claim "
        "END"
        " WHERE publication_id = $1 RETURNING attempt"};
    const pg_uuid_t *claim = secrets::random_uuid();
    secrets::Password password = {};
    environment::Login login = {};

    if (due->set)
        login = mint(due, &password);
    if (due->attempt > 0)
        due->version = binding::next_version(due->binding_id);
    query::run(update, {query::int8(due->id), query::int8(due->version),
                        query::int8(due->credential_id == 0 ? -1 : due->credential_id),
                        query::text(worker), query::interval(lease), query::uuid(claim)});
    due->attempt = query::int4_at(0, 1);
    audit::record(
        "claim_publication", due->purpose.db_id, login.username,
        audit::detail({{"publication_id", psprintf(INT64_FORMAT, due->id)}, {"worker", worker}}));
    in_context(caller, [&] { emit(*due, claim, login, result); });
    secrets::wipe(&password);
}

/*
 * Returns a login whose password is made now. A login of the binding that waits gets it,
 * the publication's own first (another was left by a delivery that was superseded); where none
 * waits, one is made.
 */
static environment::Login
mint(Due *due, secrets::Password *password)
{
    static query::Query waiting = {
        "SELECT credential_id, role_name::text FROM appinfra.credential c"
        " WHERE binding_id = $1 AND state = 'waiting' AND EXISTS ("
        "  SELECT FROM pg_catalog.pg_authid WHERE rolname = role_name)"
        "   AND " NEWEST_OF_BINDING " ORDER BY credential_id <> $2, credential_id LIMIT 1"};
    credential::Credential login;

    secrets::mint(password);
    if (query::run(waiting, {query::int8(due->binding_id), query::int8(due->credential_id)}) == 1) {
        login = {.id = query::int8_at(0, 1), .username = query::text_at(0, 2)};
        credential::hand_over(login, *password);
    } else {
        login = credential::create(due->purpose, password);
    }
    due->credential_id = login.id;
    return {.username = login.username,
            .password = password->text,
            .database = due->purpose.database,
            .is_service = due->purpose.service_id != nullptr};
}

/* Appends the row of a claimed publication to the result. */
static void
emit(const Due &due, const pg_uuid_t *claim, const environment::Login &login, ReturnSetInfo *result)
{
    static query::Query binding = {
        "SELECT target, app_id, producer, variables FROM appinfra.binding WHERE binding_id = $1"};
    Datum values[9];
    bool nulls[9] = {};
    bool null;

    query::run(binding, {query::int8(due.binding_id)});
    Datum variables = query::datum_at(0, 4, &null);
    values[0] = Int64GetDatum(due.id);
    values[1] = UUIDPGetDatum(claim);
    values[2] = CStringGetTextDatum(query::text_at(0, 1));
    values[3] = CStringGetTextDatum(query::text_at(0, 2));
    values[4] = CStringGetTextDatum(query::text_at(0, 3));
    values[5] = Int64GetDatum(due.version);
    json::Object object;
    json::begin(&object);
    if (due.set)
        environment::append(&object, variables, &login);
    Jsonb *set = json::end(&object);
    values[6] = JsonbPGetDatum(set);
    values[7] = due.set ? PointerGetDatum(construct_empty_array(TEXTOID)) : variables;
    values[8] = Int32GetDatum(due.attempt);
    tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
    explicit_bzero(set, VARSIZE(set));
}

} // namespace appinfra::publication
