#include "base/api_key.hpp"

#include <string>

#include <gtest/gtest.h>

#include "base/text.hpp"

namespace
{

using namespace sidecar;

const std::string id = "a_b-c_d-e_f-0123";                     // 16, with the separator in it
const std::string secret = "_-ABCDEFGHIJKLMNOPQRSTUVWXYZ012_"; // 32

TEST(ApiKey, IsTakenApartByPosition)
{
    const auto key = parse_api_key("acd_live_" + id + "_" + secret);
    ASSERT_TRUE(key);
    EXPECT_EQ(key->env, "live");
    EXPECT_EQ(key->id, id);
    EXPECT_EQ(key->secret_hash, "\\x" + sha256_hex(secret));
    EXPECT_TRUE(parse_api_key("acd_dev_" + id + "_" + secret));
    EXPECT_TRUE(parse_api_key("acd_test_" + id + "_" + secret));
}

TEST(ApiKey, OfAnotherLengthOrAlphabetIsNone)
{
    const std::string whole = "acd_dev_" + id + "_" + secret;
    for (std::size_t size = 0; size < whole.size(); size++)
        EXPECT_FALSE(parse_api_key(whole.substr(0, size))) << size;
    EXPECT_FALSE(parse_api_key(whole + "A"));
    EXPECT_FALSE(parse_api_key(" " + whole));
    EXPECT_FALSE(parse_api_key("ACD_dev_" + id + "_" + secret));
    EXPECT_FALSE(parse_api_key("acd__" + id + "_" + secret));
    EXPECT_FALSE(parse_api_key("acd_prod_" + id + "_" + secret));
    EXPECT_FALSE(parse_api_key("acd_dev_" + id + "-" + secret));
    for (const char wrong : {'+', '/', '=', ' ', '\n', '\0', '\xC3'}) {
        std::string text = whole;
        text[10] = wrong;
        EXPECT_FALSE(parse_api_key(text)) << wrong;
        text = whole;
        text.back() = wrong;
        EXPECT_FALSE(parse_api_key(text)) << wrong;
    }
}

TEST(ApiKey, StandsBehindTheSchemeInAnyCaseOrAlone)
{
    EXPECT_EQ(key_in_header("Bearer acd_x"), "acd_x");
    EXPECT_EQ(key_in_header("bEARER \t acd_x  "), "acd_x");
    EXPECT_EQ(key_in_header("  acd_x "), "acd_x");
    EXPECT_EQ(key_in_header("Beareracd_x"), "Beareracd_x");
    EXPECT_EQ(key_in_header("Basic acd_x"), "Basic acd_x");
    EXPECT_EQ(key_in_header(""), "");
    EXPECT_EQ(key_in_header("Bearer"), "Bearer");
}

} // namespace
