// Where a DSN leads, as libpq would go there: the user, the servers, the database. libpq parses;
// what the DSN leaves out comes from a service, then from libpq's variables, then from libpq
// itself, so that no host, port or name is assumed here. The password is never kept.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace sidecar
{

// One of the servers a DSN names. An address (hostaddr) wins over the host.
struct DsnServer {
    std::string host; // empty: libpq's own default, a socket
    std::string address;
    std::string port;

    // Whether it is on this machine for sure: a loopback address, "localhost", a socket.
    bool is_local() const;

    // Whether both lead to the same place, whatever loopback is called.
    bool is_same_as(const DsnServer &other) const;

    // How to name it to a person: the host, else the address, else "(default)".
    std::string name() const;
};

struct Dsn {
    std::string user; // as the DSN itself says; empty when it does not
    std::string database;
    std::vector<DsnServer> servers;
    std::string sslmode;               // as the DSN itself says
    std::string service;               // a service whose file may add what the DSN leaves out
    std::vector<std::string> repeated; // parameters given twice with different values

    // Whether a connection to this server may leave the machine. A service may add an address that
    // wins over any host.
    bool may_leave(const DsnServer &server) const;

    // Whether it asks for TLS and takes nothing less.
    bool demands_tls() const;
};

// Why a DSN cannot be used, and what to do. Neither text quotes anything of it.
struct DsnDefect {
    std::string problem;
    std::string remedy;
};

// The value of an environment variable, where the app's libpq would see one.
using EnvLookup = std::function<std::optional<std::string>(std::string_view)>;

// Reads a URI or a keyword string.
std::variant<Dsn, DsnDefect> read_dsn(std::string_view text, const EnvLookup &lookup);

} // namespace sidecar
