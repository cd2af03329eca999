// What is read of the document that says how a bucket is to look.
#include <gtest/gtest.h>

#include "base/failure.hpp"
#include "store/wanted_storage.hpp"

using namespace sidecar;

namespace
{

const std::string document = R"({"backend": "rgw", "bucket_name": "notes-1a2b3c",
    "region": "us-east-1", "present": true, "quota": 1048576, "owner_check": true,
    "suspended": false, "principals": [
        {"name": "buk-0123456789abc-w", "access": "writer", "keys": [
            {"access_key": "AKIAAAAAAAAAAAAAAAAA", "state": "wanted"},
            {"access_key": "AKIABBBBBBBBBBBBBBBB", "state": "unwanted"}]},
        {"name": "buk-0123456789abc-r", "access": "reader", "keys": []}],
    "mint": {"name": "buk-0123456789abc-w", "access_key": "AKIAAAAAAAAAAAAAAAAA"}})";

// The document with one piece of it replaced.
std::string
with(const std::string &piece, const std::string &other)
{
    std::string text = document;
    const auto at = text.find(piece);
    if (at == std::string::npos)
        throw std::logic_error(piece + " is not in the document");
    return text.replace(at, piece.size(), other);
}

} // namespace

TEST(WantedStorage, HasWhatTheRegistrySays)
{
    const WantedStorage storage = read_storage(document);
    EXPECT_EQ(storage.backend, "rgw");
    EXPECT_EQ(storage.bucket_name, "notes-1a2b3c");
    EXPECT_EQ(storage.region, "us-east-1");
    EXPECT_TRUE(storage.present);
    EXPECT_FALSE(storage.suspended);
    EXPECT_EQ(storage.quota, 1048576);
    const WantedPrincipal *writer = storage.principal(Access::writer);
    ASSERT_NE(writer, nullptr);
    EXPECT_EQ(writer, storage.principal("buk-0123456789abc-w"));
    ASSERT_EQ(writer->keys.size(), 2U);
    EXPECT_TRUE(writer->keys[0].wanted);
    EXPECT_FALSE(writer->keys[1].wanted);
    ASSERT_TRUE(storage.mint);
    EXPECT_EQ(storage.mint->access_key, "AKIAAAAAAAAAAAAAAAAA");
    EXPECT_EQ(storage.principal("nobody"), nullptr);
}

TEST(WantedStorage, WithoutAQuotaHasNone)
{
    EXPECT_FALSE(read_storage(with("1048576", "null")).quota);
    EXPECT_FALSE(read_storage(with("1048576", "0")).quota);
}

TEST(WantedStorage, WasMadeWhenItSaysSoOrKeepsAKey)
{
    EXPECT_FALSE(read_storage(document).made);
    EXPECT_TRUE(read_storage(with("\"unwanted\"", "\"wanted\"")).made);
    EXPECT_TRUE(read_storage(with("\"present\"", "\"made\": true, \"present\"")).made);
}

TEST(WantedStorage, MayLeaveTheAccessKeyToTheStore)
{
    const auto storage =
        read_storage(with(R"("access_key": "AKIAAAAAAAAAAAAAAAAA"}})", R"("access_key": null}})"));
    ASSERT_TRUE(storage.mint);
    EXPECT_EQ(storage.mint->access_key, "");
}

TEST(WantedStorage, ThatIsNotWholeIsRefused)
{
    EXPECT_THROW(read_storage("[]"), Failure);
    EXPECT_THROW(read_storage(with("\"present\": true", "\"present\": 1")), Failure);
    EXPECT_THROW(read_storage(with("\"bucket_name\": \"notes-1a2b3c\",", "")), Failure);
    EXPECT_THROW(read_storage(with("1048576", "-1")), Failure);
    EXPECT_THROW(read_storage(with("\"unwanted\"", "\"perhaps\"")), Failure);
    EXPECT_THROW(read_storage(with("\"writer\"", "\"owner\"")), Failure);
    EXPECT_THROW(read_storage(with("\"mint\": {\"name\": \"buk-0123456789abc-w\"",
                                   "\"mint\": {\"name\": \"buk-0123456789abc-x\"")),
                 Failure);
}
