// Heads: the newest seals of an audit log, as they were collected outside its host. A file of them
// is the sidecar's own log, as text or as JSON, or what it posted, a JSON object in a line; other
// lines are passed by.
#pragma once

#include <cstdint>
#include <istream>
#include <string>
#include <vector>

namespace sidecar
{

struct Head {
    std::string host;             // the host's id; empty: not said
    std::int64_t number = 0;      // the seal's
    std::string hash;             // lower case hex
    bool is_accepted = false;     // somebody has accepted that it is not there any more
    std::int64_t last_id = 0;     // of the last row that it takes in; 0: not said
    std::int64_t rows = 0;        // that it takes in
    std::string sealed_at_text{}; // when it was made
    std::int64_t sealed_at = 0;   // the same in microseconds since 1970, once it was converted
};

// Reads all heads in the stream, and which of them were accepted.
std::vector<Head> read_heads(std::istream &in);

// Reads the heads in a file; "-" is standard input, "" none. Refuses a file without any.
std::vector<Head> heads_of(const std::string &file, std::istream &standard_input);

// The line that accepts that a head is lost, for its file.
std::string acceptance_of(const Head &head, const std::string &by, const std::string &reason);

} // namespace sidecar
