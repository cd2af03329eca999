// An object store that says what a test tells it, and counts what it was asked.
#pragma once

#include <atomic>

#include "store/object_store.hpp"

namespace sidecar
{

namespace scripted
{

// A bucket that a key is wanted of, as a claim says it.
inline constexpr const char *wanted =
    R"({"backend": "rgw", "bucket_name": "app-0a1b2c", "region": "r",
    "present": true, "quota": null, "suspended": false, "owner_check": true,
    "principals": [{"name": "buk-0-w", "access": "writer", "keys": []}],
    "mint": {"name": "buk-0-w", "access_key": "AKIAPLANNED"}})";

} // namespace scripted

// What the stores of all threads say, and what they were asked.
struct StoreScript {
    std::atomic<StoreStatus> bucket{StoreStatus::ok};
    std::atomic<int> keys{0};
    std::atomic<bool> keys_uncertain{false}; // asked for a key, it does not answer
};

class ScriptedStore final : public ObjectStore
{
public:
    explicit ScriptedStore(StoreScript &script) : script_(script)
    {
    }
    const char *
    backend() const override
    {
        return "rgw";
    }
    void
    guard(std::function<bool()> may_begin) override
    {
        may_begin_ = std::move(may_begin);
    }
    StoreResult
    ensure_bucket(const WantedStorage &) override
    {
        if (may_begin_ && !may_begin_())
            return {StoreStatus::again, "not begun"};
        return {script_.bucket, "why"};
    }
    StoreResult
    ensure_closed(const WantedStorage &, std::vector<std::string> &) override
    {
        return {};
    }
    StoreResult
    ensure_quota(const WantedStorage &, std::vector<std::string> &) override
    {
        return {};
    }
    StoreAnswer<NewKey>
    add_key(const WantedStorage &storage) override
    {
        script_.keys++;
        if (script_.keys_uncertain)
            return {{StoreStatus::unreachable, "why", true}, {}};
        return {{}, {storage.mint->access_key, Secret("a-secret-of-the-store")}};
    }
    StoreResult
    remove_key(const WantedStorage &, const std::string &, const std::string &) override
    {
        return {};
    }
    StoreAnswer<std::vector<SeenPrincipal>>
    list_keys(const WantedStorage &) override
    {
        return {};
    }
    StoreResult
    suspend(const WantedStorage &) override
    {
        return {};
    }
    StoreAnswer<Usage>
    usage(const WantedStorage &) override
    {
        return {};
    }
    StoreAnswer<bool>
    is_public(const WantedStorage &) override
    {
        return {};
    }
    StoreResult
    remove_bucket(const WantedStorage &) override
    {
        return {};
    }
    StoreAnswer<std::vector<std::string>>
    bucket_names() override
    {
        return {};
    }
    StoreResult
    probe() override
    {
        return {};
    }

private:
    StoreScript &script_;
    std::function<bool()> may_begin_;
};

} // namespace sidecar
