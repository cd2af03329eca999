#include "gateway/request_head.hpp"

#include <gtest/gtest.h>

#include "base/text.hpp"
#include "platform/problem.hpp"

namespace
{

using namespace sidecar;
using namespace sidecar::gateway;

Request
with_header(const char *name, const std::string &value)
{
    Request request;
    request.headers[name] = value;
    return request;
}

TEST(RequestHead, KeepsARequestsOwnIdWhenItIsPlain)
{
    EXPECT_EQ(request_id_of(with_header("x-request-id", "A.b_c-9")), "A.b_c-9");
    EXPECT_EQ(request_id_of(with_header("x-request-id", std::string(64, 'a'))),
              std::string(64, 'a'));
    for (const std::string &other : {std::string(), std::string("a b"), std::string("a\"b"),
                                     std::string("\xC3\xA9"), std::string(65, 'a')}) {
        const std::string id = request_id_of(with_header("x-request-id", other));
        EXPECT_EQ(id.size(), 32U) << other;
        EXPECT_EQ(id.find_first_not_of("0123456789abcdef"), std::string::npos) << id;
    }
    EXPECT_NE(request_id_of({}), request_id_of({}));
}

TEST(RequestHead, TakesIdempotencyKeysThatArePrintable)
{
    EXPECT_FALSE(idempotency_key_of({}));
    EXPECT_EQ(idempotency_key_of(with_header("idempotency-key", "a b~!")), "a b~!");
    EXPECT_TRUE(idempotency_key_of(with_header("idempotency-key", std::string(255, 'k'))));
    for (const std::string &other : {std::string(), std::string("\t"), std::string("\xC3\xA9"),
                                     std::string("a\x7f"), std::string(256, 'k')})
        EXPECT_THROW(idempotency_key_of(with_header("idempotency-key", other)), Problem);
}

TEST(RequestHead, TellsRequestsApartByMethodPathAndBody)
{
    Request request = with_header("idempotency-key", "k");
    request.method = "POST";
    request.target = "/v1/sql/execute";
    request.body = "{}";
    const std::string hash = request_hash_of(request);
    EXPECT_EQ(hash, "\\x" + sha256_hex("POST\n/v1/sql/execute\n{}"));
    Request other = request;
    other.body = "{ }";
    EXPECT_NE(request_hash_of(other), hash);
    other = request;
    other.target = "/v1/rpc/call";
    EXPECT_NE(request_hash_of(other), hash);
    other = request;
    other.headers["x-request-id"] = "another";
    EXPECT_EQ(request_hash_of(other), hash);
    other.headers.erase("idempotency-key");
    EXPECT_EQ(request_hash_of(other), "");
}

TEST(RequestHead, BelievesAProxyOnlyWhenToldToAndLocal)
{
    Request request = with_header("x-forwarded-for", "203.0.113.7, 10.0.0.1");
    EXPECT_EQ(client_address_of(request, "127.0.0.1", true), "127.0.0.1");
    request.local = true;
    EXPECT_EQ(client_address_of(request, "127.0.0.1", true), "203.0.113.7");
    EXPECT_EQ(client_address_of(request, "127.0.0.1", false), "127.0.0.1");
    request.headers["x-real-ip"] = "2001:db8::1";
    EXPECT_EQ(client_address_of(request, "127.0.0.1", true), "2001:db8::1");
    for (const std::string &other : {std::string("somebody"), std::string("1::\0 x", 6)}) {
        request.headers["x-real-ip"] = other;
        EXPECT_EQ(client_address_of(request, "127.0.0.1", true), "127.0.0.1");
    }
}

} // namespace
