// Ceph's object gateway (16 and later) as an ObjectStore: the S3 door for the bucket, its policy
// and its closing, the administration door (/admin) for the rest.
// The platform's user owns every bucket. Each bucket has two users of the store, its principals,
// which own nothing and may make no bucket; the bucket's policy lets them in.
// The secret of a key is always made by the gateway: a secret in a parameter would be in its log.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "store/object_store.hpp"
#include "store/store_client.hpp"

namespace sidecar
{

struct RgwSettings {
    std::string admin_url; // without /admin
    std::string s3_url;
    std::string user = "appinfra"; // the platform's
    Duration purge_timeout = std::chrono::seconds(5);
    StoreClientSettings client;
};

class RgwStore final : public ObjectStore
{
public:
    // Throws a configuration Failure when the CA file cannot be read.
    explicit RgwStore(RgwSettings settings);

    const char *
    backend() const override
    {
        return "rgw";
    }

    void guard(std::function<bool()> may_begin) override;
    StoreResult ensure_bucket(const WantedStorage &storage) override;
    StoreResult ensure_closed(const WantedStorage &storage,
                              std::vector<std::string> &mended) override;
    StoreResult ensure_quota(const WantedStorage &storage,
                             std::vector<std::string> &mended) override;
    StoreAnswer<NewKey> add_key(const WantedStorage &storage) override;
    StoreResult remove_key(const WantedStorage &storage, const std::string &principal,
                           const std::string &access_key) override;
    StoreAnswer<std::vector<SeenPrincipal>> list_keys(const WantedStorage &storage) override;
    StoreResult suspend(const WantedStorage &storage) override;
    StoreAnswer<Usage> usage(const WantedStorage &storage) override;
    StoreAnswer<bool> is_public(const WantedStorage &storage) override;
    StoreResult remove_bucket(const WantedStorage &storage) override;
    StoreAnswer<std::vector<std::string>> bucket_names() override;
    StoreResult probe() override;

private:
    using Parameters = std::vector<std::pair<std::string, std::string>>;

    // What the administration door says of a bucket.
    struct SeenBucket {
        std::string owner;
        std::int64_t objects = 0;
        std::int64_t bytes = 0;
        std::int64_t quota_kb = -1; // -1: none
    };

    // A purge that was begun, and what was left when it was last looked at.
    struct Purge {
        TimePoint progressed;
        std::int64_t objects = 0;
    };

    StoreRequest admin(const char *name, const char *method, const char *what,
                       Parameters parameters) const;
    StoreRequest s3(const char *name, const char *method, const WantedStorage &storage,
                    const std::string &key = {}, Parameters parameters = {}) const;
    StoreAnswer<Json> ask(const StoreRequest &request);
    static StoreAnswer<Json> document_of(const StoreRequest &request, const StoreReply &reply);
    StoreAnswer<SeenBucket> look_at(const WantedStorage &storage);
    StoreAnswer<std::string> policy_of(const WantedStorage &storage);
    StoreAnswer<std::string> first_object_of(const WantedStorage &storage);
    StoreAnswer<SeenPrincipal> look_at(const WantedPrincipal &principal);
    StoreResult ensure_owner(const WantedStorage &storage, SeenBucket &seen);
    StoreResult refuse_other_bucket(const WantedStorage &storage, std::int64_t objects);
    StoreResult ensure_policy(const WantedStorage &storage, std::vector<std::string> &mended);
    std::optional<StoreAnswer<NewKey>> make_principal(const WantedPrincipal &principal,
                                                      const std::string &access_key);
    StoreAnswer<NewKey> add_key_to(const WantedPrincipal &principal, const std::string &access_key);
    StoreResult purge(const WantedStorage &storage, const SeenBucket &seen);
    StoreResult remove_principals(const WantedStorage &storage);

    RgwSettings settings_;
    StoreClient client_;
    // What ensure_bucket() saw last, for the ensure_quota() that follows; with the bucket's name.
    std::optional<std::pair<std::string, SeenBucket>> seen_;
    std::map<std::string, Purge> purges_; // by the bucket's name
};

} // namespace sidecar
