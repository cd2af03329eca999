// Garage (2.0 and later) as an ObjectStore: its administration API, which knows its caller by a
// token, and its S3 door, to empty a bucket that is to go. Written from its documentation and
// sources, and tried against recorded answers only, never against a Garage. Words: a bucket's mark
// is a second name (alias) of it, that of its writing principal: so a bucket is known to be the one
// that was made for it. A principal is no user but the beginning of the names of its keys:
// "<principal>/<number>". The number is the access key that the registry planned; Garage chooses
// the access key itself, so that a key nobody recorded is found by its number. Garage has no
// policies, no ACLs and no suspension: a key reaches what it was let into and nothing else, and
// what is suspended loses its keys.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "store/object_store.hpp"
#include "store/store_client.hpp"

namespace sidecar
{

struct GarageSettings {
    std::string admin_url; // without /v2
    std::string s3_url;
    StoreClientSettings client; // its secret is the administration token
};

class GarageStore final : public ObjectStore
{
public:
    // Throws a configuration Failure when the CA file cannot be read.
    explicit GarageStore(GarageSettings settings);

    const char *
    backend() const override
    {
        return "garage";
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

    struct SeenKey {
        std::string id;
        std::string name;
    };

    // What the administration API says of a bucket.
    struct SeenBucket {
        std::string id;
        std::vector<std::string> names;
        std::vector<std::string> key_ids; // of keys that are let into it
        std::int64_t objects = 0;
        std::int64_t bytes = 0;
        std::int64_t max_size = -1; // -1: no quota
        bool website = false;       // it is shown to everybody
    };

    StoreRequest admin(const char *name, const char *method, const char *what,
                       Parameters parameters = {}, const Json &body = {}) const;
    StoreAnswer<Json> ask(const StoreRequest &request);
    StoreResult tell(const StoreRequest &request);
    StoreAnswer<SeenBucket> look_at(const WantedStorage &storage);
    StoreAnswer<std::vector<SeenKey>> keys_named(std::string_view beginning);
    StoreAnswer<NewKey> make_key(const std::string &name, const std::string &bucket_id,
                                 bool writes);
    StoreResult remove_by_id(const std::string &id);
    StoreResult remove_named(std::string_view beginning);
    StoreResult empty(const WantedStorage &storage, const std::string &bucket_id);
    StoreResult remove_objects(const WantedStorage &storage, NewKey key);

    GarageSettings settings_;
    StoreClient client_;
    std::function<bool()> may_begin_;
};

} // namespace sidecar
