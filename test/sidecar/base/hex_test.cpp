// Bytes as hexadecimal digits.
#include "base/hex.hpp"

#include <gtest/gtest.h>

namespace
{

TEST(Hex, WritesEachByteAsTwoDigits)
{
    EXPECT_EQ(sidecar::hex(std::string_view("\0\x7f\xff", 3)), "007fff");
    EXPECT_EQ(sidecar::hex(""), "");
}

} // namespace
