// See url.hpp.
#include "base/url.hpp"

#include <memory>
#include <utility>

#include <curl/curl.h>

#include "base/failure.hpp"
#include "base/loopback.hpp"
#include "base/text.hpp"

namespace sidecar
{
namespace
{

constexpr std::string_view placeholder = "{app_id}";

struct UrlRelease {
    void
    operator()(CURLU *url) const
    {
        curl_url_cleanup(url);
    }
};
struct TextRelease {
    void
    operator()(char *text) const
    {
        curl_free(text);
    }
};
using Url = std::unique_ptr<CURLU, UrlRelease>;

// One part of a URL; empty when it has none.
std::string
part_of(const Url &url, CURLUPart part)
{
    char *text = nullptr;
    const CURLUcode code = curl_url_get(url.get(), part, &text, 0);
    const std::unique_ptr<char, TextRelease> owned(text);
    return code == CURLUE_OK && owned ? std::string(owned.get()) : std::string();
}

} // namespace

void
check_url(const std::string &text, const std::string &name, bool allow_plaintext)
{
    const auto refuse = [&](const std::string &why) {
        throw Failure(Failure::Kind::configuration, name + " " + why);
    };
    const Url url(curl_url());
    if (!url || curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK)
        refuse("cannot be parsed");
    const std::string scheme = part_of(url, CURLUPART_SCHEME);
    if (scheme != "https" && scheme != "http")
        refuse("is neither https nor http");
    if (!part_of(url, CURLUPART_USER).empty() || !part_of(url, CURLUPART_PASSWORD).empty())
        refuse("carries a user or a password");
    if (!part_of(url, CURLUPART_QUERY).empty() || !part_of(url, CURLUPART_FRAGMENT).empty())
        refuse("carries a query or a fragment");
    if (scheme == "http" && !allow_plaintext && !is_loopback(part_of(url, CURLUPART_HOST)))
        refuse("is plaintext to another machine; use https, or set APPINFRA_ALLOW_PLAINTEXT=1");
}

ProducerUrl::ProducerUrl(const std::string &base, std::string path, bool allow_plaintext)
    : base_(base), path_(std::move(path))
{
    check_url(base_, "the producer's URL", allow_plaintext);
    if (path_.find(placeholder) == std::string::npos || !path_.starts_with('/'))
        throw Failure(Failure::Kind::configuration,
                      "the producer's path must start with \"/\" and contain \"{app_id}\"");
    while (base_.ends_with('/'))
        base_.pop_back();
}

std::string
ProducerUrl::for_app(std::string_view app_id) const
{
    if (app_id.empty() || app_id == "." || app_id == "..")
        throw Failure(Failure::Kind::give_up, "the app id cannot stand in a URL's path");
    const std::string segment = percent_encode(app_id);
    std::string path = path_;
    for (std::size_t at = path.find(placeholder); at != std::string::npos;
         at = path.find(placeholder, at + segment.size()))
        path.replace(at, placeholder.size(), segment);
    return base_ + path;
}

} // namespace sidecar
