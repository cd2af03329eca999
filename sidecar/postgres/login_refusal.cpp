// See login_refusal.hpp.
#include "postgres/login_refusal.hpp"

namespace sidecar
{
namespace
{

struct Row {
    const char *before; // a part of the message,
    const char *after;  // and one behind it
    LoginRefusal refusal;
};

constexpr Row rows[] = {
    {"Peer authentication failed for user",
     "",
     {"28000",
      "a line of pg_hba.conf with the method peer matches first, and asks for the name of the "
      "operating system's user; put \"local DATABASE LOGIN scram-sha-256\" above it and reload"}},
    {"Ident authentication failed for user",
     "",
     {"28000",
      "a line of pg_hba.conf with the method ident matches first; put one with scram-sha-256 for "
      "this login above it and reload"}},
    {"no pg_hba.conf entry for",
     "",
     {"28000", "add a line for this login, with scram-sha-256, to pg_hba.conf and reload"}},
    {"pg_hba.conf rejects connection",
     "",
     {"28000", "put a line for this login, with scram-sha-256, above the one that rejects it"}},
    {"password authentication failed for user",
     "",
     {"28P01", "set the login's password by ALTER ROLE, or correct the connection string"}},
    {"database \"",
     "\" does not exist",
     {"3D000",
      "the sidecar connects to the control database, which is the one that the server's setting "
      "appinfra.control_database names: create it, or correct the connection string"}},
};

} // namespace

LoginRefusal
login_refusal(std::string_view message)
{
    for (const Row &row : rows) {
        const std::size_t at = message.find(row.before);
        if (at != std::string_view::npos && message.find(row.after, at) != std::string_view::npos)
            return row.refusal;
    }
    return {"", nullptr};
}

} // namespace sidecar
