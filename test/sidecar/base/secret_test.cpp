// Secrets: what the type forbids, and that memory is wiped.
#include <gtest/gtest.h>

#include <cstring>
#include <ostream>
#include <type_traits>

#include <cstdlib>

#include "base/process.hpp"
#include "base/secret.hpp"
#include "base/wipe.hpp"

using namespace sidecar;

template <typename T>
concept Streamable = requires(std::ostream &stream, const T &value)
{
    stream << value;
};

static_assert(!std::is_copy_constructible_v<Secret>);
static_assert(!std::is_copy_assignable_v<Secret>);
static_assert(std::is_nothrow_move_constructible_v<Secret>);
static_assert(!Streamable<Secret>);
static_assert(!std::is_convertible_v<Secret, std::string>);
static_assert(!std::is_convertible_v<Secret, std::string_view>);

TEST(SecretValue, MovesAndLeavesNothingBehind)
{
    Secret first("hidden");
    Secret second(std::move(first));
    EXPECT_TRUE(first.empty());
    EXPECT_EQ(second.reveal(), "hidden");
    Secret third("other");
    third = std::move(second);
    EXPECT_EQ(third.reveal(), "hidden");
    EXPECT_EQ(std::strlen(third.c_str()), 6u);
    third.clear();
    EXPECT_TRUE(third.empty());
    EXPECT_STREQ(third.c_str(), "");
}

TEST(SecretValue, OverwritesItsMemory)
{
    // The bytes are looked at through a buffer that outlives the wipe.
    char buffer[] = "hidden";
    wipe(buffer, sizeof buffer - 1);
    EXPECT_EQ(std::memcmp(buffer, "\0\0\0\0\0\0", 6), 0);
}

TEST(Environment, GivesASecretUpAndKeepsNoCopyOfIt)
{
    char entry[] = "APPINFRA_TEST_SECRET=hidden";
    ASSERT_EQ(putenv(entry), 0); // entry itself becomes the environment
    EXPECT_EQ(take_from_environment("APPINFRA_TEST_SECRET").reveal(), "hidden");
    EXPECT_EQ(std::getenv("APPINFRA_TEST_SECRET"), nullptr);
    EXPECT_EQ(std::memcmp(entry, "APPINFRA_TEST_SECRET=\0\0\0\0\0\0", sizeof entry), 0);
    EXPECT_TRUE(take_from_environment("APPINFRA_TEST_SECRET").empty());
}
