// Which hosts are this machine.
#include <gtest/gtest.h>

#include "base/loopback.hpp"

using namespace sidecar;

TEST(Loopback, IsEveryNotationOfThisMachine)
{
    for (const char *host : {"127.0.0.1", "127.9.8.7", "::1", "[::1]", "::ffff:127.0.0.1",
                             "[::ffff:127.0.0.1]", "localhost", "LocalHost"})
        EXPECT_TRUE(is_loopback(host)) << host;
    for (const char *host : {"", "128.0.0.1", "::2", "::ffff:10.0.0.1", "localhost.example",
                             "127.1", "local", "127.0.0.1.example"})
        EXPECT_FALSE(is_loopback(host)) << host;
    EXPECT_FALSE(is_loopback_address("localhost"));
}
