// See bucket_policy.hpp.
#include "store/bucket_policy.hpp"

#include <algorithm>
#include <span>
#include <vector>

#include "base/failure.hpp"

namespace sidecar
{
namespace
{

constexpr const char *user_arn = "arn:aws:iam:::user/";

using Actions = std::span<const char *const>;

constexpr const char *write_actions[] = {
    "GetObject",          "GetObjectVersion",     "GetObjectTagging",
    "PutObject",          "DeleteObject",         "DeleteObjectVersion",
    "PutObjectTagging",   "AbortMultipartUpload", "ListMultipartUploadParts",
    "DeleteObjectTagging"};
// DeleteObject of the bucket itself is what the removal of many objects at once asks for.
constexpr const char *bucket_actions[] = {"ListBucket",
                                          "ListBucketVersions",
                                          "GetBucketLocation",
                                          "ListBucketMultipartUploads",
                                          "GetBucketCORS",
                                          "PutBucketCORS",
                                          "GetLifecycleConfiguration",
                                          "PutLifecycleConfiguration",
                                          "GetBucketVersioning",
                                          "PutBucketVersioning",
                                          "DeleteObject",
                                          "DeleteObjectVersion"};
constexpr const char *read_actions[] = {"GetObject", "GetObjectVersion", "GetObjectTagging"};
constexpr const char *list_actions[] = {"ListBucket", "ListBucketVersions", "GetBucketLocation",
                                        "ListBucketMultipartUploads"};

std::string
quoted_list(const std::vector<std::string> &texts)
{
    std::string list;
    for (const std::string &text : texts)
        list += (list.empty() ? "\"" : ",\"") + text + "\"";
    return "[" + list + "]";
}

std::string
allow(const char *sid, const std::string &user, Actions actions, const std::string &resource)
{
    std::vector<std::string> names;
    for (const char *action : actions)
        names.push_back(std::string("s3:") + action);
    return std::string(R"({"Sid":")") + sid + R"(","Effect":"Allow","Principal":{"AWS":[")" +
           user_arn + user + R"("]},"Action":)" + quoted_list(names) + R"(,"Resource":[")" +
           resource + R"("]})";
}

const std::string &
name_of(const WantedStorage &storage, Access access)
{
    const WantedPrincipal *principal = storage.principal(access);
    if (principal == nullptr)
        throw Failure(Failure::Kind::give_up,
                      std::string("the wanted storage has no ") + word_of(access));
    return principal->name;
}

} // namespace

std::string
bucket_policy(const WantedStorage &storage, const std::string &platform_user)
{
    const std::string &writer = name_of(storage, Access::writer);
    const std::string &reader = name_of(storage, Access::reader);
    const std::string bucket = "arn:aws:s3:::" + storage.bucket_name;
    const std::string objects = bucket + "/*";
    const std::string insiders =
        quoted_list({user_arn + writer, user_arn + reader, user_arn + platform_user});
    return R"({"Version":"2012-10-17","Statement":[)" +
           allow("write", writer, write_actions, objects) + "," +
           allow("bucket", writer, bucket_actions, bucket) + "," +
           allow("read", reader, read_actions, objects) + "," +
           allow("list", reader, list_actions, bucket) +
           R"(,{"Sid":"nobody-else","Effect":"Deny","NotPrincipal":{"AWS":)" + insiders +
           R"(},"Action":["s3:*"],"Resource":)" + quoted_list({bucket, objects}) + "}]}";
}

bool
names_principals(std::string_view policy, const WantedStorage &storage)
{
    return !storage.principals.empty() &&
           std::ranges::all_of(storage.principals, [&](const WantedPrincipal &principal) {
               return policy.find(user_arn + principal.name + "\"") != std::string_view::npos;
           });
}

bool
names_any_bucket(std::string_view policy)
{
    return policy.find(std::string(user_arn) + "buk-") != std::string_view::npos;
}

const std::string_view public_access_block =
    "<PublicAccessBlockConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
    "<BlockPublicAcls>false</BlockPublicAcls><IgnorePublicAcls>true</IgnorePublicAcls>"
    "<BlockPublicPolicy>false</BlockPublicPolicy>"
    "<RestrictPublicBuckets>false</RestrictPublicBuckets></PublicAccessBlockConfiguration>";

} // namespace sidecar
