// The options of buckets: the object store, our key to it, the token of its producer, and what a
// guest may have.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/clock.hpp"
#include "base/command_line.hpp"
#include "base/secret.hpp"

namespace sidecar
{

struct InheritedSecrets;

struct StorageOptions {
    std::string admin_url; // empty: no store is known here
    std::string url;       // of the S3 door
    std::string access_key;
    Secret secret_key;
    std::string user;
    std::string ca_file;
    Duration check{};        // between comparisons with the registry
    Duration call_timeout{}; // of a call of the store
    Secret token;            // of the producer of buckets' variables

    // A copy of what is needed to call the store.
    StorageOptions for_store() const;

    // Whether the store can be reached from here.
    bool
    has_store() const
    {
        return !admin_url.empty();
    }
};

std::span<const OptionRow> storage_rows();

// Returns the options in values. Throws a configuration Failure when they are wrong.
StorageOptions storage_options_of(const OptionValues &values, const InheritedSecrets &inherited,
                                  bool allow_plaintext);

} // namespace sidecar
