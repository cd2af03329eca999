// Why a server let nobody in. libpq gives no SQLSTATE for that, so this is the one place that reads
// a server's words; whoever acts on a refusal goes by the SQLSTATE that is made of them. A server
// that speaks another language than English is not understood, and the general hint stands.
#pragma once

#include <string_view>

namespace sidecar
{

struct LoginRefusal {
    const char *sqlstate; // "": not understood
    const char *hint;     // null: none beside the general one
};

// Returns what a message of PQerrorMessage() says.
LoginRefusal login_refusal(std::string_view message);

} // namespace sidecar
