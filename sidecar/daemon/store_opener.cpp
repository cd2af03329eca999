// See store_opener.hpp.
#include "daemon/store_opener.hpp"

#include <memory>
#include <utility>

#include "store/garage_store.hpp"
#include "store/rgw_store.hpp"

namespace sidecar
{
namespace
{

constexpr const char *signing_region = "us-east-1"; // a gateway takes any

StoreClientSettings
client_settings(const StorageOptions &options, CallTally &calls)
{
    StoreClientSettings settings;
    settings.access_key = options.access_key;
    settings.secret = options.secret_key.clone();
    settings.region = signing_region;
    settings.call_timeout = options.call_timeout;
    settings.ca_file = options.ca_file;
    settings.observer = [&calls](const char *name, const std::string &code, Duration took) {
        calls.add(name, code, took);
    };
    return settings;
}

// An administrator without an access key is that of a Garage, who has a token.
std::unique_ptr<ObjectStore>
open_store(const StorageOptions &options, CallTally &calls)
{
    if (options.access_key.empty())
        return std::make_unique<GarageStore>(
            GarageSettings{options.admin_url, options.url, client_settings(options, calls)});
    RgwSettings settings;
    settings.admin_url = options.admin_url;
    settings.s3_url = options.url;
    settings.user = options.user;
    settings.client = client_settings(options, calls);
    return std::make_unique<RgwStore>(std::move(settings));
}

} // namespace

OpenStore
store_opener(const Options &options, CallTally &calls)
{
    if (!options.storage.has_store())
        return {};
    // The options give up their secrets once the parts are made; this keeps a copy for new threads.
    auto kept = std::make_shared<const StorageOptions>(options.storage.for_store());
    return [kept, &calls] {
        return open_store(*kept, calls);
    };
}

} // namespace sidecar
