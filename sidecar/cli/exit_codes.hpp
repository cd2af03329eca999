// The exit codes of appinfra, as --help and docs/cli.md list them. `db psql` has psql's own.
#pragma once

namespace sidecar::cli::exit_codes
{

inline constexpr int done = 0;
inline constexpr int refused = 1;      // the server refuses what was asked
inline constexpr int usage = 2;        // an option, an operand or a file is wrong
inline constexpr int unreachable = 3;  // no server answers, or it cannot work now
inline constexpr int unfinished = 4;   // it is under way and has not come to its end in time
inline constexpr int unauthorized = 5; // the server does not take who asks
inline constexpr int not_found = 6;    // there is no such thing, or it is somebody else's

} // namespace sidecar::cli::exit_codes
