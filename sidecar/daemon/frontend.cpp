// See doors.hpp.
#include "daemon/frontend.hpp"

#include <chrono>
#include <optional>
#include <thread>

#include "http/server.hpp"
#include "mcp/mcp.hpp"
#include "mcp/stdio.hpp"
#include "platform/database_workers.hpp"
#include "rest/api.hpp"
#include "rest/metrics.hpp"

namespace sidecar
{
namespace
{

constexpr std::size_t most_waiting = 1000;
constexpr Duration longest_statement = std::chrono::seconds(20); // within request-timeout

std::shared_ptr<PgShared>
shared_of(const Options &options, std::shared_ptr<const Conninfo> conninfo, Log &log)
{
    auto shared = std::make_shared<PgShared>();
    shared->conninfo = std::move(conninfo);
    shared->statement_timeout = std::min(options.statement_timeout, longest_statement);
    shared->failed = [&log](const Failure &failure) {
        log.warn("no connection for requests", {{"error", std::string(failure.what())}});
    };
    return shared;
}

ApiSettings
api_settings(const DoorOptions &options)
{
    ApiSettings settings;
    settings.trust_loopback = options.trust_loopback;
    settings.rate = options.rate;
    settings.burst = 2 * options.rate;
    return settings;
}

WebSettings
web_settings(const DoorOptions &options)
{
    WebSettings settings;
    settings.listen = options.listen;
    settings.tls_certificate = options.tls_certificate;
    settings.tls_key = options.tls_key;
    settings.most_connections = options.connections;
    settings.head_timeout = options.head_timeout;
    settings.idle_timeout = options.idle_timeout;
    settings.request_timeout = options.request_timeout;
    return settings;
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

struct Doors::Parts {
    Parts(const Options &options, std::shared_ptr<const Conninfo> conninfo, Board &board, Log &log)
        : shared(shared_of(options, std::move(conninfo), log)),
          jobs(shared, options.doors.database_connections, most_waiting), metrics(shared),
          mcp({options.delivers || !options.token.empty(), options.doors.publish_wait}, clock)
    {
        if (options.command == Command::mcp)
            stdio.emplace(mcp, jobs, Caller{options.doors.user, false});
        if (options.command != Command::serve || options.doors.listen.empty())
            return;
        ApiSettings settings = api_settings(options.doors);
        settings.tokens = copy_of(options.doors.tokens);
        api.emplace(std::move(settings), clock, metrics, mcp, board);
        web.emplace(web_settings(options.doors), *api, jobs, metrics, log);
    }

    SystemClock clock;
    std::shared_ptr<PgShared> shared;
    Jobs jobs;
    Metrics metrics;
    Mcp mcp;
    std::optional<Api> api;
    std::optional<Web> web;
    std::optional<McpStdio> stdio;
};

Doors::Doors(const Options &options, std::shared_ptr<const Conninfo> conninfo, Board &board,
             Log &log)
    : parts_(std::make_unique<Parts>(options, std::move(conninfo), board, log))
{
}

Doors::~Doors()
{
    // A thread that is still in the middle of a request uses them: it gets a moment, and where that
    // is not enough, they stay until the process ends.
    for (int i = 0; i < 100 && parts_->jobs.busy() > 0; i++)
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    if (parts_->jobs.busy() > 0)
        static_cast<void>(parts_.release());
}

void
Doors::drain()
{
    if (parts_->web)
        parts_->web->drain();
}

bool
Doors::idle() const
{
    return (!parts_->web || parts_->web->idle()) && (!parts_->stdio || parts_->stdio->idle());
}

bool
Doors::deserted() const
{
    return parts_->stdio && parts_->stdio->ended();
}

void
Doors::renew(DoorOptions fresh)
{
    if (parts_->web)
        parts_->web->renew(std::move(fresh.tokens));
}

} // namespace sidecar
