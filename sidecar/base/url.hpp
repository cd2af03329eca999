// Where requests go: which URLs may be used at all, and the producer's for each app.
#pragma once

#include <string>
#include <string_view>

namespace sidecar
{

// Throws a configuration Failure that begins with name, when text is no http(s) URL, carries a
// user, a password, a query or a fragment, or is plaintext to a host that is no loopback address
// while allow_plaintext is false.
void check_url(const std::string &text, const std::string &name, bool allow_plaintext);

// The producer's address: a base URL and a path template.
class ProducerUrl
{
public:
    // Throws a configuration Failure when base is refused by check_url(), or path has no {app_id}.
    ProducerUrl(const std::string &base, std::string path, bool allow_plaintext);

    // The URL for an app. Throws a give_up Failure for an id that is no path segment (".", "..").
    std::string for_app(std::string_view app_id) const;

private:
    std::string base_;
    std::string path_;
};

} // namespace sidecar
