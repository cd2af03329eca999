// The producer's address: a base URL, a path template, and whether a secret may go there.
#pragma once

#include <string>
#include <string_view>

namespace sidecar
{

class ProducerUrl
{
public:
    // Throws a configuration Failure when base is no http(s) URL, carries a user, a query or a
    // fragment, or is plaintext to a host that is no loopback address while allow_plaintext is
    // false; or when path has no {app_id}.
    ProducerUrl(const std::string &base, std::string path, bool allow_plaintext);

    // The URL for an app. Throws a give_up Failure for an id that is no path segment (".", "..").
    std::string for_app(std::string_view app_id) const;

private:
    std::string base_;
    std::string path_;
};

// Whether host is localhost, in 127.0.0.0/8, or ::1 (brackets allowed).
bool is_loopback(std::string_view host);

} // namespace sidecar
