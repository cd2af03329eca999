// See gateway_frontend.hpp.
#include "daemon/gateway_frontend.hpp"

#include <optional>

#include <malloc.h>
#include <unistd.h>

#include "gateway/gateway_door.hpp"
#include "gateway/service.hpp"
#include "http/server.hpp"

namespace sidecar
{
namespace
{

// The same at every start, so that the next run takes back what one that was killed has left.
std::string
default_name()
{
    char host[256] = "";
    gethostname(host, sizeof host - 1);
    return std::string("gateway@") + host;
}

gateway::ServiceSettings
service_settings(const Options &options, bool shared)
{
    const GatewayOptions &given = options.gateway;
    gateway::ServiceSettings settings;
    settings.name = options.worker_given ? options.worker : default_name();
    settings.statements = {given.statement_bytes, given.statement_parameters};
    settings.calls = {given.answer_bytes, given.statement_timeout, given.audit_sql};
    settings.sessions = {given.workspace_connections, given.connections, given.statement_timeout,
                         given.idle_in_transaction, given.host};
    settings.rotate_overlap = given.rotate_overlap;
    settings.counts_keys = !shared;
    return settings;
}

gateway::DoorSettings
door_settings(const GatewayOptions &given)
{
    gateway::DoorSettings settings;
    settings.rate = given.rate;
    settings.burst = given.burst;
    settings.trust_proxy = given.trust_proxy;
    settings.mcp = given.mcp;
    settings.request_bytes = given.request_bytes;
    settings.origins = given.origins;
    return settings;
}

} // namespace

struct GatewayFrontend::Parts {
    Parts(const Options &options, std::shared_ptr<const Conninfo> conninfo, Log &log, bool shared)
        : service(*io, std::move(conninfo), service_settings(options, shared), clock, log),
          door(service, door_settings(options.gateway), clock)
    {
        if (!shared)
            web.emplace(http_server_settings(options.server, options.gateway.listen,
                                             options.gateway.tls_certificate,
                                             options.gateway.tls_key),
                        io, door, log);
    }

    SystemClock clock;
    std::shared_ptr<asio::io_context> io = std::make_shared<asio::io_context>(1);
    gateway::Service service;
    gateway::GatewayDoor door;
    std::optional<HttpServer> web;
};

GatewayFrontend::GatewayFrontend(const Options &options, std::shared_ptr<const Conninfo> conninfo,
                                 Log &log, bool shared)
    : parts_(std::make_unique<Parts>(options, std::move(conninfo), log, shared))
{
    // Large answers go back to the system when they are sent, whatever else lies beside them.
    mallopt(M_MMAP_THRESHOLD, 256 * 1024);
}

// What calls under way still use stays until the process ends.
GatewayFrontend::~GatewayFrontend()
{
    parts_->web.reset();
    if (!parts_->door.idle())
        static_cast<void>(parts_.release());
}

std::shared_ptr<asio::io_context>
GatewayFrontend::io()
{
    return parts_->io;
}

Door &
GatewayFrontend::door()
{
    return parts_->door;
}

void
GatewayFrontend::drain()
{
    if (parts_->web)
        parts_->web->drain();
}

bool
GatewayFrontend::idle() const
{
    return !parts_->web || parts_->web->idle();
}

void
GatewayFrontend::renew()
{
    if (parts_->web)
        parts_->web->renew([] {});
}

} // namespace sidecar
