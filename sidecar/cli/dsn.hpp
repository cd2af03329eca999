// A DSN taken apart, as far as its password has to be taken out of it.
#pragma once

#include <string>

#include "base/secret.hpp"

namespace sidecar::cli
{

struct Dsn {
    std::string url; // without the password
    Secret password; // decoded
};

// Takes the password out of scheme://user:password@host…. Throws a Refusal when it is not so.
Dsn dsn_of(const std::string &url);

// A line of a password file that is for every server.
Secret password_line(const Secret &password);

} // namespace sidecar::cli
