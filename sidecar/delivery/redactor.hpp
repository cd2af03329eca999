// Takes the secrets of one claim out of a text that somebody else wrote. The text is cleaned first
// (a control character inside a secret must not hide it), then redacted, then cut: in that order.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/secret.hpp"
#include "delivery/publication.hpp"

namespace sidecar
{

class Redactor
{
public:
    // Knows every value of the publication, the passwords in its DSNs, and their percent-encoded,
    // percent-decoded and JSON-escaped forms.
    explicit Redactor(const Publication &publication);

    // One secret more, whatever its length (the bearer token).
    void add(std::string_view secret);

    // The text on one line, valid UTF-8, at most limit bytes, with *** for every secret in it and
    // for every piece of 12 bytes or more of a password.
    std::string redact(std::string_view text, std::size_t limit = 512) const;

private:
    void add_forms(std::string_view secret);
    void add_password(std::string_view password);
    void add_needle(std::string text);

    std::vector<Secret> needles_;
    std::vector<Secret> passwords_;
};

} // namespace sidecar
