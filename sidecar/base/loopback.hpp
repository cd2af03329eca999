// Which addresses and host names are this machine's own.
#pragma once

#include <string_view>

namespace sidecar
{

// Whether text is an address in 127.0.0.0/8 or ::1, also as ::ffff:127.x.y.z. Only the usual
// notation counts: how 127.1 is read differs from client to client.
bool is_loopback_address(std::string_view text);

// Whether host is such an address (brackets allowed) or localhost, which resolves to them without
// DNS.
bool is_loopback(std::string_view host);

} // namespace sidecar
