// That an option which libcurl does not take is an error, never a request without it.
#include <gtest/gtest.h>

#include "base/curl.hpp"
#include "base/failure.hpp"
#include "base/workspace.hpp"

using namespace sidecar;

TEST(CurlOptions, ThatAreNotTakenAreErrorsThatNameThem)
{
    const Easy easy = make_easy();
    try {
        set(easy, CURLOPT_PROTOCOLS_STR, "no-such-protocol");
        FAIL() << "it was taken";
    } catch (const Failure &failure) {
        EXPECT_EQ(failure.kind(), Failure::Kind::configuration);
        EXPECT_NE(std::string(failure.what()).find("PROTOCOLS_STR"), std::string::npos)
            << failure.what();
    }
    EXPECT_THROW(check_option(CURLE_NOT_BUILT_IN, CURLOPT_CAINFO_BLOB), Failure);
}

TEST(CurlOptions, PinAnAuthority)
{
    EXPECT_NO_THROW(set_security(make_easy(), "an authority"));
    EXPECT_EQ(read_authorities(""), "");
    EXPECT_THROW(read_authorities("/nowhere/ca.pem"), Failure);
    const Workspace work;
    work.write("ca.pem", "an authority");
    EXPECT_EQ(read_authorities(work.path("ca.pem")), "an authority");
}
