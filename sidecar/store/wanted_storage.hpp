// What a bucket is to look like at the store, as the registry says it: the document `storage` of
// a claim. It holds no secret.
// Words: a principal is who a bucket's keys of one access are at the store; minting is making the
// key whose secret goes out with the claim.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sidecar
{

enum class Access { writer, reader };

struct WantedKey {
    std::string access_key;
    bool wanted = true; // false: it is to be removed
};

struct WantedPrincipal {
    std::string name;
    Access access = Access::writer;
    std::vector<WantedKey> keys;
};

// The key that a claim plans. The store may choose another access key than this.
struct Mint {
    std::string name; // of its principal
    std::string access_key;
};

struct WantedStorage {
    std::string backend;
    std::string bucket_name;
    std::string region;
    bool present = true;               // false: objects and bucket are to go
    bool made = false;                 // true: it was there once, so that it is never made again
    bool suspended = false;            // true: every call of an app is to be refused
    std::optional<std::int64_t> quota; // bytes; nothing: none
    std::vector<WantedPrincipal> principals;
    std::optional<Mint> mint;

    // The principal of that name or access; null when there is none.
    const WantedPrincipal *principal(std::string_view name) const;
    const WantedPrincipal *principal(Access access) const;
};

// Reads the document. Throws a give_up Failure that says which member is missing or wrong. A
// document without "made" says by its wanted keys whether the bucket was there.
WantedStorage read_storage(std::string_view document);

// The word of the registry for an access.
const char *word_of(Access access);

} // namespace sidecar
