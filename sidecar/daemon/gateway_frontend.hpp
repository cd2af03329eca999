// The SQL gateway, put together: its service, its door, and the server it is reached by, unless it
// shares that with the API.
#pragma once

#include <memory>

#include "base/asio.hpp"
#include "base/log.hpp"
#include "daemon/options.hpp"
#include "platform/door.hpp"
#include "postgres/conninfo.hpp"

namespace sidecar
{

class GatewayFrontend
{
public:
    // Listens where the options say, or, if shared, has somebody else do it. Throws a configuration
    // Failure when it cannot.
    GatewayFrontend(const Options &options, std::shared_ptr<const Conninfo> conninfo, Log &log,
                    bool shared);
    ~GatewayFrontend();
    GatewayFrontend(const GatewayFrontend &) = delete;
    GatewayFrontend &operator=(const GatewayFrontend &) = delete;

    // What a shared server needs: the loop, and the door.
    std::shared_ptr<asio::io_context> io();
    Door &door();

    // Takes no more requests; those under way are answered, and the logins given back.
    void drain();
    bool idle() const;

    // Reads the certificate again; throws a configuration Failure, and changes nothing, when it is
    // wrong.
    void renew();

private:
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

} // namespace sidecar
