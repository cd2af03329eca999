// The gateway's logins: one for each workspace and access, asked of the registry at the first need,
// and anew before it ends or when the server does not let it in any more.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/secret.hpp"
#include "gateway/awaited.hpp"
#include "gateway/registry.hpp"

namespace sidecar::gateway
{

struct Login {
    Secret url;
    TimePoint made{};
    TimePoint renew_at{};
    bool served = false; // a connection was made with it
};

class Logins
{
public:
    Logins(asio::io_context &io, Registry &registry, const Clock &clock)
        : io_(io), registry_(registry), clock_(clock)
    {
    }

    using Shared = std::shared_ptr<Login>;

    // Returns the login of the access, asking for it if need be; those who come while it is asked
    // for wait. Throws a Problem.
    asio::awaitable<Shared> get(const std::string &db_id, const std::string &access);

    // The server does not let a login in. Whether another one may help, which get() then asks for.
    bool give_up(Login &login) const;

    // Whether it is the login that get() gave last.
    bool is_current(const std::string &db_id, const std::string &access, const Shared &login) const;

    std::size_t count() const;

private:
    struct Place {
        Shared login;
        bool asking = false;
        std::vector<std::shared_ptr<Awaited<bool>>> waiting;
    };

    asio::awaitable<void> ask(Place &place, const std::string &db_id, const std::string &access);

    asio::io_context &io_;
    Registry &registry_;
    const Clock &clock_;
    std::map<std::pair<std::string, std::string>, Place> places_; // by workspace and access
};

} // namespace sidecar::gateway
