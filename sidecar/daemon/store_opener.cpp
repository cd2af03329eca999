// See store_opener.hpp.
#include "daemon/store_opener.hpp"

#include <memory>
#include <utility>

#include "store/rgw_store.hpp"

namespace sidecar
{
namespace
{

constexpr const char *signing_region = "us-east-1"; // a gateway takes any

RgwSettings
rgw_settings(const StorageOptions &options, CallTally &calls)
{
    RgwSettings settings;
    settings.admin_url = options.admin_url;
    settings.s3_url = options.url;
    settings.user = options.user;
    settings.client.access_key = options.access_key;
    settings.client.secret = options.secret_key.clone();
    settings.client.region = signing_region;
    settings.client.call_timeout = options.call_timeout;
    settings.client.ca_file = options.ca_file;
    settings.client.observer = [&calls](const char *name, const std::string &code, Duration took) {
        calls.add(name, code, took);
    };
    return settings;
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
        return std::make_unique<RgwStore>(rgw_settings(*kept, calls));
    };
}

} // namespace sidecar
