// How the database is reached: a libpq connection string, split, with our defaults where it says
// nothing. A password in it stays a Secret.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <libpq-fe.h>

#include "base/secret.hpp"

namespace sidecar
{

// Overwrites every value where it stands, then releases.
struct ConninfoOptionsRelease {
    void operator()(PQconninfoOption *options) const;
};
using ConninfoOptions = std::unique_ptr<PQconninfoOption, ConninfoOptionsRelease>;

// What libpq makes of a connection string, without any default; null when it cannot parse it. Its
// reasons are not kept, since they quote the string.
ConninfoOptions parse_conninfo(std::string_view text);

class Conninfo
{
public:
    // Splits a connection string (URI or keyword=value, several hosts allowed; empty: libpq's
    // environment decides). password is used when the string has none, session_attrs when nothing
    // else says which of several servers is wanted. Throws a configuration Failure, which quotes
    // nothing of the string.
    Conninfo(std::string_view text, std::string_view password,
             const char *session_attrs = "read-write");

    // Keywords and values for PQconnectdbParams, each with a null at its end.
    std::vector<const char *> keywords() const;
    std::vector<const char *> values() const;

    // Sets a keyword, whatever it was before.
    void set(const char *keyword, std::string_view value);

    // The value of a keyword; empty when it is not set.
    std::string_view value_of(std::string_view keyword) const;

private:
    void set_default(const char *keyword, const char *value);

    struct Setting {
        std::string keyword;
        Secret value;
    };
    std::vector<Setting> settings_;
};

// Whether a connection string carries a password, or cannot be read.
bool carries_password(std::string_view text);

} // namespace sidecar
