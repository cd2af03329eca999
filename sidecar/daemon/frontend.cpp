// See frontend.hpp.
#include "daemon/frontend.hpp"

#include <chrono>
#include <optional>
#include <thread>

#include "daemon/gateway_frontend.hpp"
#include "daemon/store_opener.hpp"
#include "http/server.hpp"
#include "http/shared_door.hpp"
#include "mcp/mcp.hpp"
#include "mcp/stdio.hpp"
#include "platform/database_workers.hpp"
#include "platform/pg_database.hpp"
#include "rest/api.hpp"
#include "rest/api_door.hpp"
#include "rest/metrics.hpp"

namespace sidecar
{
namespace
{

constexpr std::size_t max_waiting = 1000;
constexpr std::size_t watching = 2; // threads: a slow scrape leaves one to tell of readiness
constexpr Duration max_statement = std::chrono::seconds(20); // within request-timeout

std::shared_ptr<DatabaseLogin>
login_of(const Options &options, std::shared_ptr<const Conninfo> conninfo, Log &log)
{
    auto login = std::make_shared<DatabaseLogin>();
    login->conninfo = std::move(conninfo);
    login->statement_timeout = std::min(options.statement_timeout, max_statement);
    login->failed = [&log](const Failure &failure) {
        log.warn("no connection for requests", {{"error", std::string(failure.what())}});
    };
    return login;
}

ApiSettings
api_settings(const ServerOptions &options)
{
    ApiSettings settings;
    settings.trust_loopback = options.trust_loopback;
    settings.names = options.names;
    settings.open_apps = options.open_apps;
    settings.guests = options.guests;
    settings.publish_wait = options.publish_wait;
    settings.rate = options.rate;
    settings.burst = 2 * options.rate;
    return settings;
}

// Whether somebody delivers buckets' variables, this sidecar or another: then no tool says a
// secret.
bool
publishes_buckets(const Options &options)
{
    return delivers_buckets(options) || !options.storage.token.empty();
}

// The store as callers reach it; keys are handed out under the worker's name.
StoreDoor
store_door(const Options &options, CallTally &calls)
{
    return {store_opener(options, calls), options.worker, options.storage.call_timeout};
}

TokenSettings
copy_of(const TokenSettings &tokens)
{
    TokenSettings copy;
    copy.issuer = tokens.issuer;
    copy.audience = tokens.audience;
    for (const TokenKey &key : tokens.keys)
        copy.keys.push_back({key.algorithm, key.key.clone()});
    return copy;
}

} // namespace

struct Frontend::Parts {
    Parts(const Options &options, std::shared_ptr<const Conninfo> conninfo, ServiceStatus &status,
          Log &log, GatewayFrontend *gateway)
        : login(login_of(options, std::move(conninfo), log)),
          workers([login = login] { return std::make_unique<PgDatabase>(login); },
                  options.server.database_connections, max_waiting),
          watchers([login = login] { return std::make_unique<PgDatabase>(login); }, watching,
                   max_waiting),
          metrics(clock, login), store(store_door(options, status.store_calls)),
          mcp({options.delivers || !options.token.empty(), publishes_buckets(options),
               options.server.publish_wait, store},
              clock)
    {
        metrics.tell_of(status.store_calls);
        if (options.server.tenant_metrics)
            metrics.tell_of_tenants();
        if (options.command == Command::mcp)
            stdio.emplace(mcp, workers,
                          Caller{options.server.user, false, {}, options.server.open_apps});
        if (options.command != Command::serve || !options.server.answers())
            return;
        ApiSettings settings = api_settings(options.server);
        settings.tokens = copy_of(options.server.tokens);
        settings.store = store;
        api.emplace(std::move(settings), clock, metrics, mcp, status);
        const auto io = gateway != nullptr ? gateway->io() : std::make_shared<asio::io_context>(1);
        door.emplace(io, *api, workers, watchers, metrics, options.server.request_timeout);
        if (gateway != nullptr)
            shared.emplace(*door, gateway->door());
        Door &first = shared ? static_cast<Door &>(*shared) : *door;
        HttpServerSettings reached =
            http_server_settings(options.server, options.server.listen,
                                 options.server.tls_certificate, options.server.tls_key);
        reached.socket = options.server.socket;
        web.emplace(std::move(reached), io, first, log);
    }

    SystemClock clock;
    std::shared_ptr<DatabaseLogin> login;
    DatabaseWorkers workers;
    DatabaseWorkers watchers;
    Metrics metrics;
    StoreDoor store;
    Mcp mcp;
    std::optional<Api> api;
    std::optional<ApiDoor> door;
    std::optional<SharedDoor> shared;
    std::optional<HttpServer> web;
    std::optional<McpStdio> stdio;
};

Frontend::Frontend(const Options &options, std::shared_ptr<const Conninfo> conninfo,
                   ServiceStatus &status, Log &log, GatewayFrontend *gateway)
    : parts_(std::make_unique<Parts>(options, std::move(conninfo), status, log, gateway))
{
}

Frontend::~Frontend()
{
    // A thread that is still in the middle of a request uses them: it gets a moment, and where that
    // is not enough, they stay until the process ends.
    const auto busy = [this] {
        return parts_->workers.busy() + parts_->watchers.busy() > 0;
    };
    for (int i = 0; i < 100 && busy(); i++)
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    if (busy())
        static_cast<void>(parts_.release());
}

void
Frontend::drain()
{
    if (parts_->web)
        parts_->web->drain();
}

bool
Frontend::idle() const
{
    return (!parts_->web || parts_->web->idle()) && (!parts_->stdio || parts_->stdio->idle());
}

bool
Frontend::input_closed() const
{
    return parts_->stdio && parts_->stdio->ended();
}

void
Frontend::renew(ServerOptions fresh)
{
    if (parts_->web)
        parts_->web->renew(
            [api = &*parts_->api, keys = std::make_shared<TokenSettings>(std::move(fresh.tokens))] {
                api->renew(std::move(*keys));
            });
}

} // namespace sidecar
