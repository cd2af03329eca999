// The parameters of a connection string as they stand there, one given twice included: libpq
// silently takes the last. What a parameter's value is in the end, libpq alone decides (dsn.hpp).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/secret.hpp"

namespace sidecar
{

struct DsnParameter {
    std::string keyword;
    Secret value; // decoded
};

// Whether libpq reads this text as a URI.
bool is_uri(std::string_view text);

// The parameters of a URI or a keyword string that libpq accepts, in order, under their libpq names
// (ssl=true and requiressl are sslmode). For a text that libpq does not accept: anything.
std::vector<DsnParameter> dsn_parameters(std::string_view text);

// The keywords that are given twice with different values, each once.
std::vector<std::string> repeated_keywords(const std::vector<DsnParameter> &parameters);

} // namespace sidecar
