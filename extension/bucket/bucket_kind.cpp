/* Plans and revokes keys for publications. See bucket_kind.hpp. */
#include "bucket/bucket_kind.hpp"

#include "base/scope.hpp"
#include "registry/bucket_key.hpp"
#include "shmem/wakeup.hpp"

namespace appinfra::bucket_kind
{

using bucket::Status;

constexpr int name_tries_limit = 5;

static bool
lock_owner(const binding::Binding &binding, kind::Wait wait, kind::Owner *owner)
{
    std::optional<bucket::Bucket> found = wait == kind::Wait::yes
                                              ? bucket::lock(binding.owner_id)
                                              : bucket::try_lock(binding.owner_id);

    if (!found)
        return false;
    bool ready = bucket::is_living(found->status);
    *owner = {.id = binding.owner_id,
              .name = found->name,
              .ready = ready,
              .retriable = ready || found->status == Status::failed};
    return true;
}

static bool
is_free(const kind::Owner &owner)
{
    return !bucket::is_claimed(owner.id);
}

static void
mint(const kind::Owner &owner, const binding::Binding &binding, int64, kind::Minted *minted)
{
    const bucket_key::Key key = bucket_key::plan(owner.id, binding.id);

    minted->credential_id = key.id;
    minted->username = key.access_key;
}

static const Jsonb *
describe(const kind::Owner &owner, const kind::Minted &minted)
{
    return bucket::storage(owner.id, minted.credential_id);
}

/* Adds the variables whose values are no secret; the sidecar adds the secret. */
static void
add_values(const kind::Owner &owner, const binding::Binding &, const kind::Minted &minted,
           json::Object *object)
{
    const bucket::Bucket bucket = bucket::lock(owner.id);
    const auto variable = [&](const char *name) {
        return psprintf("%s_%s", bucket.env_prefix, name);
    };

    json::add(object, variable("ENDPOINT"), bucket.endpoint_url);
    json::add(object, variable("BUCKET"), bucket.name);
    json::add(object, variable("REGION"), bucket.region);
    json::add(object, variable("ACCESS_KEY"), minted.username);
}

/* The secret dies with the claim: nobody can use the key. */
static void
withdraw(int64 key_id)
{
    static query::Query select = {"SELECT bucket_id FROM appinfra.bucket_key"
                                  " WHERE bucket_key_id = $1 AND state IN ('waiting', 'active')"};
    static query::Query update = {
        "UPDATE appinfra.bucket_key SET state = 'revoked', revoked_at = clock_timestamp(),"
        "       generation = $2, reason = 'not delivered' WHERE bucket_key_id = $1"};
    query::Rows rows = query::run(select, {query::id(key_id)});

    if (rows.count == 0)
        return;
    int64 generation = bucket::raise_generation(rows.text(0, 1));
    query::run(update, {query::id(key_id), query::int8(generation)});
}

/*
 * A name that somebody else has at the store is changed a few times. A bucket whose making is given
 * up has failed with it.
 */
static void
before_failure(const kind::Owner &owner, publication::Failure *failure)
{
    static query::Query select = {
        "SELECT slug, name_tries FROM appinfra.bucket WHERE bucket_id = $1 AND made_at IS NULL"};
    query::Rows rows = query::run(select, {query::text(owner.id)});

    if (rows.count == 0)
        return;
    if (strncmp(failure->error, "name_taken", strlen("name_taken")) == 0) {
        if (rows.int4(0, 2) < name_tries_limit) {
            bucket::rename(owner.id, bucket::choose_name(rows.text(0, 1)));
            if (!failure->retry_at)
                failure->retry_at = GetCurrentTimestamp();
        } else {
            failure->retry_at = {};
        }
    }
    if (!failure->retry_at && owner.ready)
        bucket::set_status(owner.id, Status::failed, failure->error);
}

/* A bucket that has failed is to be made once more; the caller has asked for it. */
static void
before_retry(const kind::Owner &owner)
{
    static query::Query update = {
        "UPDATE appinfra.bucket SET status = 'planned', last_error = NULL, name_tries = 0"
        " WHERE bucket_id = $1 AND status = 'failed'"};

    query::run(update, {query::text(owner.id)});
}

/* Work at the bucket that nobody could claim beside the publication can be claimed now. */
static void
mark_delivered(int64, int64 key_id, const Interval *, const Interval *deadline)
{
    static query::Query behind = {
        "SELECT FROM appinfra.bucket_key k JOIN appinfra.bucket b USING (bucket_id)"
        " WHERE k.bucket_key_id = $1 AND b.generation > b.done_generation"};

    bucket_key::mark_delivered(key_id, deadline);
    if (query::run(behind, {query::id(key_id)}).count > 0)
        wakeup::wake_at_commit(wakeup::Work::publications);
}

const kind::Kind kind = {.name = "storage",
                         .lock_owner = lock_owner,
                         .is_free = is_free,
                         .mint = mint,
                         .describe = describe,
                         .add_values = add_values,
                         .withdraw = withdraw,
                         .before_failure = before_failure,
                         .before_retry = before_retry,
                         .mark_delivered = mark_delivered};

} // namespace appinfra::bucket_kind
