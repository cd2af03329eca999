// The store that tools/rgw.sh brought up, and buckets in it with names that nobody else has. The
// environment says where it is: RGW_ENDPOINT, RGW_ACCESS_KEY, RGW_SECRET_KEY.
#pragma once

#include <cstdlib>
#include <stdexcept>
#include <string>

#include "base/text.hpp"
#include "store/rgw_store.hpp"

// A variable that must be there.
inline std::string
variable(const char *name)
{
    const char *value = std::getenv(name);
    if (value == nullptr || *value == '\0')
        throw std::runtime_error(std::string(name) + " is not set: bring a store up");
    return value;
}

inline sidecar::RgwSettings
real_settings()
{
    sidecar::RgwSettings settings;
    settings.admin_url = settings.s3_url = variable("RGW_ENDPOINT");
    settings.client.access_key = variable("RGW_ACCESS_KEY");
    settings.client.secret = sidecar::Secret(variable("RGW_SECRET_KEY"));
    return settings;
}

// An access key that nobody has.
inline std::string
fresh_access_key()
{
    std::string key = "AKIA";
    for (const char digit : sidecar::sha256_hex(sidecar::random_uuid()).substr(0, 16))
        key += digit <= '9' ? static_cast<char>(digit - '0' + 'A') : static_cast<char>(digit - 32);
    return key;
}

// A bucket that is to be made, with a writer's key.
inline sidecar::WantedStorage
fresh_storage()
{
    const std::string id = "buk-" + sidecar::sha256_hex(sidecar::random_uuid()).substr(0, 13);
    const std::string key = fresh_access_key();
    sidecar::WantedStorage storage;
    storage.backend = "rgw";
    storage.backend = "rgw";
    storage.bucket_name = "notes-" + id.substr(4);
    storage.region = "us-east-1";
    storage.principals = {{id + "-w", sidecar::Access::writer, {{key, true}}},
                          {id + "-r", sidecar::Access::reader, {}}};
    storage.mint = sidecar::Mint{id + "-w", key};
    return storage;
}
