// Reads the variables an environment file sets, as systemd's EnvironmentFile= does: comments with #
// and ;, quotes that open only where a value begins, backslashes, values over several lines.
// EnvFile (env_file.hpp) is for writing: it is careful about what a shell might see as well. Here a
// line must never hide behind a quote that systemd does not see.
#pragma once

#include <string_view>
#include <vector>

#include "base/variable.hpp"

namespace sidecar
{

// The variables of a file's text, in order, a name as often as it is assigned. "export " before a
// name is allowed; lines that assign nothing are passed over, as systemd does. Throws a
// configuration Failure that quotes nothing of the text for a NUL and for a quote never closed.
std::vector<Variable> read_env_text(std::string_view text);

// Whether a text can be the name of a variable: letters, digits and _, no digit first.
bool is_env_name(std::string_view text);

} // namespace sidecar
