// Fills in what a value of a compose file takes from elsewhere: $NAME, ${NAME}, ${NAME:-default},
// ${NAME-default}, ${NAME:+other}, ${NAME+other}, ${NAME:?error}, ${NAME?error}; $$ is a dollar.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace sidecar
{

struct Interpolated {
    std::string text;
    bool is_known = true; // false: it takes something from a variable that is not set
};

using Lookup = std::function<std::optional<std::string>(std::string_view name)>;

// Returns the text with its references filled in; a variable that is not set is empty, as compose
// has it. Throws a configuration Failure that quotes nothing for a reference that is none, and for
// one nested more than 8 deep.
Interpolated interpolate(std::string_view text, const Lookup &lookup);

} // namespace sidecar
