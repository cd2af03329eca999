// The exit codes of appinfrad, as --help and docs/sidecar.md list them.
#pragma once

namespace sidecar::exit_code
{

inline constexpr int done = 0;          // serve: stopped as asked; publish: all was delivered
inline constexpr int failed = 1;        // publish: some publications failed for good
inline constexpr int configuration = 2; // an option, a secret or a file is missing or wrong
inline constexpr int database = 3;      // publish: the database cannot be reached or used
inline constexpr int unfinished = 4;    // publish: the time was over, some are still pending
inline constexpr int unauthorized = 5;  // publish: the producer refuses our token

} // namespace sidecar::exit_code
