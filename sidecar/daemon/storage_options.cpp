// See storage_options.hpp.
#include "daemon/storage_options.hpp"

#include "base/failure.hpp"
#include "base/text.hpp"
#include "base/url.hpp"
#include "daemon/inherited_secrets.hpp"
#include "base/option_values.hpp"
#include "postgres/database_url.hpp"

namespace sidecar
{
namespace
{

constexpr const char *each = "serve publish mcp";
constexpr const char *store = "Object store (buckets)";

// clang-format off
constexpr OptionRow rows[] = {
    {"storage-token-file", "OPENFACTORY_STORAGE_PRODUCER_TOKEN_FILE", "", each, store, "file with the bearer token of the producer for buckets' variables"},
    {"s3-admin-url", "APPINFRA_S3_ADMIN_URL", "", each, store, "administration door of the store; https, or http to a loopback address; empty: no buckets are made here"},
    {"s3-url", "APPINFRA_S3_URL", "", each, store, "S3 door of the store, for our own calls; as s3-admin-url when empty"},
    {"s3-admin-access-key", "APPINFRA_S3_ADMIN_ACCESS_KEY", "", each, store, "access key of the platform's user (rgw); empty: the store is a Garage"},
    {"s3-admin-secret-key-file", "APPINFRA_S3_ADMIN_SECRET_KEY_FILE", "", each, store, "file with its secret key (garage: with the admin token)"},
    {"s3-user", "APPINFRA_S3_USER", "appinfra", each, store, "uid of that user, the owner of every bucket (rgw)"},
    {"s3-ca", "APPINFRA_S3_CA", "", each, store, "PEM file of the only authorities trusted for the store; else the system's"},
    {"s3-call-timeout", "APPINFRA_S3_CALL_TIMEOUT", "35s", each, store, "for a call of the store; a gateway waits 30 s for a sibling that hangs"},
    {"storage-check", "APPINFRA_STORAGE_CHECK", "10m", each, store, "time between comparisons of each bucket with the store"},
};
// clang-format on

} // namespace

StorageOptions
StorageOptions::for_store() const
{
    StorageOptions copy;
    copy.admin_url = admin_url;
    copy.url = url;
    copy.access_key = access_key;
    copy.secret_key = secret_key.clone();
    copy.user = user;
    copy.ca_file = ca_file;
    copy.check = check;
    copy.call_timeout = call_timeout;
    return copy;
}

std::span<const OptionRow>
storage_rows()
{
    return rows;
}

StorageOptions
storage_options_of(const OptionValues &values, const InheritedSecrets &inherited,
                   bool allow_plaintext)
{
    StorageOptions options;
    options.admin_url = values.at("s3-admin-url");
    options.url = values.at("s3-url").empty() ? options.admin_url : values.at("s3-url");
    options.access_key = values.at("s3-admin-access-key");
    options.user = values.at("s3-user");
    options.ca_file = values.at("s3-ca");
    options.check = duration_of("storage-check", values.at("storage-check"));
    options.call_timeout = duration_of("s3-call-timeout", values.at("s3-call-timeout"));
    options.token = bearer_token(secret_of(inherited.storage_token, values.at("storage-token-file"),
                                           "OPENFACTORY_STORAGE_PRODUCER_TOKEN"),
                                 "the storage producer's token");
    if (!options.has_store())
        return options; // a unit may name the secret's file whether there is one or not
    check_url(options.admin_url, "--s3-admin-url", allow_plaintext);
    check_url(options.url, "--s3-url", allow_plaintext);
    options.secret_key = secret_of(inherited.store_key, values.at("s3-admin-secret-key-file"),
                                   "APPINFRA_S3_ADMIN_SECRET_KEY");
    if (options.secret_key.empty())
        refuse("--s3-admin-url needs APPINFRA_S3_ADMIN_SECRET_KEY_FILE, or "
               "APPINFRA_S3_ADMIN_SECRET_KEY");
    if (options.check < std::chrono::seconds(1))
        refuse("--storage-check must be 1s at least");
    return options;
}

} // namespace sidecar
