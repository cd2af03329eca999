// Who is at the other end of a connection.
#pragma once

#include <string>

namespace sidecar
{

struct Peer {
    bool local = false;   // from a loopback address or through a unix socket
    std::string address;  // empty: a unix socket
    std::string account;  // who administers, at the administrators' socket; empty: elsewhere
    bool refused = false; // connected there and administers nothing

    // Whether it came through a unix socket, where TLS has no place.
    bool
    is_unix() const
    {
        return address.empty();
    }
};

} // namespace sidecar
