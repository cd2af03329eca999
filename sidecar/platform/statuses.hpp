// The statuses that the extension's views say, each set in one place: what is documented, what is
// counted, and what the code compares with comes from here.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace sidecar
{

// Of a database (appinfra.databases).
enum class DatabaseStatus { ready, revoked, retiring, retained, dropping, dropped };
inline constexpr std::array database_statuses = {"ready",    "revoked",  "retiring",
                                                 "retained", "dropping", "dropped"};

// Of a bucket (appinfra.buckets).
enum class BucketStatus { planned, ready, revoked, retiring, retained, dropping, dropped, failed };
inline constexpr std::array bucket_statuses = {"planned",  "ready",    "revoked", "retiring",
                                               "retained", "dropping", "dropped", "failed"};

// Of a publication (appinfra.publications).
enum class PublicationStatus { pending, claimed, published, failed, superseded, cancelled };
inline constexpr std::array publication_statuses = {"pending", "claimed",    "published",
                                                    "failed",  "superseded", "cancelled"};

// Of an API key (appinfra.keys).
inline constexpr std::array key_statuses = {"active", "expired", "revoked"};

// Of what the pool holds (appinfra.pool), as far as it is not somebody's.
enum class PoolStatus { ready, building };
inline constexpr std::array pool_statuses = {"ready", "building"};

constexpr std::string_view
text_of(DatabaseStatus status)
{
    return database_statuses[static_cast<std::size_t>(status)];
}

static_assert(text_of(DatabaseStatus::dropped) == "dropped");
constexpr std::string_view
text_of(BucketStatus status)
{
    return bucket_statuses[static_cast<std::size_t>(status)];
}

static_assert(text_of(BucketStatus::failed) == "failed");
static_assert(publication_statuses.size() == 1 + static_cast<int>(PublicationStatus::cancelled));
static_assert(pool_statuses.size() == 1 + static_cast<int>(PoolStatus::building));

} // namespace sidecar
