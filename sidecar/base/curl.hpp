// libcurl behind unique_ptr, and what every request of the sidecar has in common.
// The rule a reader must know: options are set through set(), which throws when libcurl does not
// take one. An option that is silently not set may be the one that pins the server's authority.
// No proxy is ever used, whatever the environment says: it would see the secret of a plaintext
// request and is not what the operator named. Redirects are not followed for the same reason.
#pragma once

#include <memory>
#include <string>

#include <curl/curl.h>

#include "base/clock.hpp"

namespace sidecar
{

struct EasyRelease {
    void
    operator()(CURL *easy) const
    {
        curl_easy_cleanup(easy);
    }
};
struct MultiRelease {
    void
    operator()(CURLM *multi) const
    {
        curl_multi_cleanup(multi);
    }
};
struct HeadersRelease {
    void
    operator()(curl_slist *list) const
    {
        curl_slist_free_all(list);
    }
};
using Easy = std::unique_ptr<CURL, EasyRelease>;
using Multi = std::unique_ptr<CURLM, MultiRelease>;
using Headers = std::unique_ptr<curl_slist, HeadersRelease>;

// A new handle. Throws a retry Failure when there is none to be had.
Easy make_easy();

// Throws a Failure that names the option, unless libcurl took it: of configuration, or retry when
// it was memory that lacked.
void check_option(CURLcode code, CURLoption option);

// Sets an option of a request. Throws as check_option().
template <typename Value>
void
set(const Easy &easy, CURLoption option, Value value)
{
    check_option(curl_easy_setopt(easy.get(), option, value), option);
}

// Adds a line to the headers of a request.
void add_header(Headers &headers, const std::string &line);

// Sets what keeps a request to the server that the operator named: TLS 1.2 at least, verified
// against authorities (PEM) and no others, or against the system's when it is empty.
void set_security(const Easy &easy, const std::string &authorities);

// The text of a file of authorities, "" when none is named. Throws a configuration Failure when it
// cannot be read, or when libcurl cannot be held to it.
std::string read_authorities(const std::string &path);

// A request that posts JSON and has no use for the body of its answer.
struct JsonPost {
    std::string url;
    std::string body;
    std::string authorization;  // of the header; empty: none
    std::string ca_file;        // empty: the system's authorities
    Duration connect_timeout{}; // 0: call_timeout is for all
    Duration call_timeout{};
};

struct PostAnswer {
    long status = 0;
    std::string date; // the header; empty: none
};

// Posts it and waits. Throws a retry Failure when no answer came.
PostAnswer post_json(const JsonPost &post);

} // namespace sidecar
