// What callers reach, put together: the threads for the database, the use cases behind REST
// and MCP, metrics, and the server or the standard input they are reached by.
#pragma once

#include <memory>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/service_status.hpp"
#include "daemon/options.hpp"
#include "postgres/conninfo.hpp"

namespace sidecar
{

class GatewayFrontend;

class Frontend
{
public:
    // Opens what the options name; gateway is to be reached at the same address, if not null.
    // Throws a configuration Failure when it cannot.
    Frontend(const Options &options, std::shared_ptr<const Conninfo> conninfo,
             ServiceStatus &status, Log &log, GatewayFrontend *gateway);
    ~Frontend();
    Frontend(const Frontend &) = delete;
    Frontend &operator=(const Frontend &) = delete;

    // Takes no more requests; those under way are answered.
    void drain();

    // Whether no request is under way and no connection is open.
    bool idle() const;

    // Whether standard input has ended: whoever started us for MCP has gone.
    bool input_closed() const;

    // Reads the files with keys and certificates again; throws a configuration Failure, and changes
    // nothing, when they are wrong.
    void renew(ServerOptions fresh);

private:
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

} // namespace sidecar
