// See bucket_run.hpp.
#include "platform/bucket_run.hpp"

#include <algorithm>
#include <utility>

#include "base/failure.hpp"
#include "platform/bucket_sql.hpp"
#include "platform/problem.hpp"
#include "platform/statuses.hpp"
#include "store/make_key.hpp"

namespace sidecar::use_cases
{
namespace
{

constexpr Duration shortest_lease = std::chrono::minutes(2); // of a hand-out
constexpr std::string_view endpoint_suffix = "_ENDPOINT";
constexpr const char *usual_prefix = "OF_S3";

Problem
storage_unavailable(const std::string &why, const std::string &bucket_id = "")
{
    Problem problem(503, "storage_unavailable", why);
    problem.retry_after = retry_soon;
    problem.bucket_id = bucket_id;
    return problem;
}

// A hand-out as the registry began it: a publication that is claimed from its birth.
struct Handout {
    std::string publication_id;
    std::string claim;
    std::string storage; // JSON

    static Handout
    begin(Database &database, const std::string &bucket_id, const std::string &worker,
          Duration lease)
    {
        const Json document = parse_json(
            database
                .value(sql::begin_handout,
                       {bucket_id, worker, std::to_string(lease.count()) + " milliseconds"})
                .value_or("{}"));
        return {string_member(document, "publication_id").value_or(""),
                string_member(document, "claim").value_or(""),
                json_text(Json(json_incref(json_object_get(document.get(), "storage"))))};
    }
};

// What the variables of a bucket begin with.
std::string
prefix_of(const Json &bucket)
{
    std::size_t index;
    json_t *key;
    json_array_foreach(json_object_get(bucket.get(), "env_keys"), index, key)
    {
        const std::string name = json_string_value(key);
        if (name.ends_with(endpoint_suffix))
            return name.substr(0, name.size() - endpoint_suffix.size());
    }
    return usual_prefix;
}

// The answer with the key in it.
Answer
answer_with(const std::string &about, const std::string &bucket_name, const NewKey &key)
{
    Json document = parse_json(about);
    json_object_set_new(document.get(), "bucket_name", json_of(bucket_name).release());
    const std::string prefix = prefix_of(document);
    const auto text = [&](const char *name) {
        return json_of(string_member(document, name).value_or(""));
    };
    Json payload(json_object());
    const auto put = [&](const char *suffix, Json value) {
        json_object_set_new(payload.get(), (prefix + suffix).c_str(), value.release());
    };
    put("_ENDPOINT", text("endpoint_url"));
    put("_BUCKET", text("bucket_name"));
    put("_ACCESS_KEY", json_of(key.access_key));
    put("_SECRET_KEY", json_of(key.secret.reveal()));
    put("_REGION", text("region"));
    json_object_set_new(document.get(), "access_key", json_of(key.access_key).release());
    json_object_set_new(document.get(), "secret_key", json_of(key.secret.reveal()).release());
    json_object_set_new(document.get(), "env_payload", payload.release());
    json_object_set_new(document.get(), "status", json_of(text_of(BucketStatus::ready)).release());
    return {json_text(document), true, true};
}

// Whether the store may say something else if it is asked again.
bool
may_change(StoreStatus status)
{
    return status == StoreStatus::unreachable || status == StoreStatus::again ||
           status == StoreStatus::name_taken; // then the registry has chosen another
}

// Begins a hand-out; nothing when somebody else is at work on the bucket.
std::optional<Handout>
begin(Database &database, const Caller &caller, const std::string &bucket_id,
      const std::string &worker, Duration lease)
{
    try {
        return for_caller(database, caller,
                          [&] { return Handout::begin(database, bucket_id, worker, lease); });
    } catch (const Failure &failure) {
        if (failure.server().sqlstate != "55P03")
            throw;
        database.tidy();
        return std::nullopt;
    }
}

} // namespace

void
need_store(const StoreDoor &door)
{
    if (!door.open)
        throw storage_unavailable("no object store is configured here (APPINFRA_S3_ADMIN_URL)");
}

BucketPoll
hand_out_key(const StoreDoor &door, const Caller &caller, std::string bucket_id, std::string answer)
{
    return [door, caller, bucket_id = std::move(bucket_id),
            about = std::move(answer)](Database &database, bool last) -> std::optional<Answer> {
        const auto give_up = [&](const std::string &why) -> std::optional<Answer> {
            if (last)
                throw storage_unavailable(why, bucket_id);
            return std::nullopt;
        };
        const Duration lease = std::max(shortest_lease, 2 * door.call_timeout);
        const TimePoint last_begin = SystemClock().now() + lease - door.call_timeout;
        const auto handout = begin(database, caller, bucket_id, door.worker, lease);
        if (!handout)
            return give_up("somebody else is at work on the bucket");
        const auto store = door.open();
        store->guard([last_begin] { return SystemClock().now() < last_begin; });
        const WantedStorage storage = read_storage(handout->storage);
        const StoreAnswer<NewKey> key = make_key(*store, storage);
        if (!key.ok()) {
            database.value(sql::fail_handout,
                           {handout->publication_id, handout->claim,
                            (key.result.status == StoreStatus::name_taken ? "name_taken: " : "") +
                                key.result.text});
            if (!may_change(key.result.status))
                throw storage_unavailable(key.result.text, bucket_id);
            return give_up(key.result.text);
        }
        const Parameters recorded = {handout->publication_id, handout->claim, key.value.access_key};
        if (database.value(sql::record_key, recorded) != "t")
            return give_up("the bucket was changed meanwhile");
        // Told before the answer goes out: a key that its caller has must not be taken for lost. An
        // answer that does not arrive costs nothing, since older keys live on until the deadline.
        if (database.value(sql::complete_handout, {handout->publication_id, handout->claim}) != "t")
            return give_up("the bucket was changed meanwhile");
        return answer_with(about, storage.bucket_name, key.value);
    };
}

} // namespace sidecar::use_cases
