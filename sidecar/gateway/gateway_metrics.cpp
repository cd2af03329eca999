// See gateway_metrics.hpp.
#include "gateway/gateway_metrics.hpp"

#include <algorithm>
#include <set>

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include "platform/statuses.hpp"

namespace sidecar::gateway
{
namespace
{

const prometheus::Histogram::BucketBoundaries latencies = {
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30};

// The commands that are told apart: a tenant cannot make up others.
constexpr std::string_view commands[] = {"SELECT",
                                         "INSERT",
                                         "UPDATE",
                                         "DELETE",
                                         "MERGE",
                                         "CREATE TABLE",
                                         "CREATE TABLE AS",
                                         "CREATE INDEX",
                                         "ALTER TABLE",
                                         "DROP TABLE",
                                         "EXPLAIN",
                                         "CALL",
                                         "DO",
                                         "VACUUM",
                                         "SHOW"};

// How many values a label has at most: a tenant can make up SQLSTATEs and procedures.
constexpr std::size_t max_values = 250;

// The value, or OTHER when there are too many.
std::string
bounded(std::set<std::string> &seen, const std::string &value)
{
    if (seen.contains(value))
        return value;
    if (seen.size() >= max_values)
        return "OTHER";
    seen.insert(value);
    return value;
}

std::string
known_command(const std::string &command)
{
    const bool known =
        std::find(std::begin(commands), std::end(commands), command) != std::end(commands);
    return known ? command : "OTHER";
}

} // namespace

struct GatewayMetrics::Families {
    prometheus::Registry registry;
    std::set<std::string> sqlstates;
    std::set<std::string> names; // of procedures
    prometheus::Family<prometheus::Histogram> &seconds =
        prometheus::BuildHistogram()
            .Name("agentcoopdb_request_duration_seconds")
            .Help("Time from a request to its answer.")
            .Register(registry);
    prometheus::Family<prometheus::Counter> &requests =
        counter("agentcoopdb_requests_total", "Requests by route and status.");
    prometheus::Family<prometheus::Counter> &statements =
        counter("agentcoopdb_sql_statements_total", "Statements by command and SQLSTATE.");
    prometheus::Family<prometheus::Counter> &procedures =
        counter("agentcoopdb_rpc_invocations_total", "Calls of procedures that exist.");
    prometheus::Family<prometheus::Counter> &hits =
        counter("agentcoopdb_idempotency_hits_total", "Answers that were replayed.");
    prometheus::Family<prometheus::Counter> &misses =
        counter("agentcoopdb_idempotency_misses_total", "Calls with a new Idempotency-Key.");
    prometheus::Family<prometheus::Gauge> &build =
        gauge("agentcoopdb_build_info", "1, with the version.");
    prometheus::Family<prometheus::Gauge> &connections =
        gauge("appinfra_gateway_connections", "Connections to workspaces, by state.");
    prometheus::Family<prometheus::Gauge> &logins =
        gauge("appinfra_gateway_logins", "Logins of workspaces that the gateway holds.");
    prometheus::Family<prometheus::Gauge> &calls =
        gauge("appinfra_gateway_calls_running", "Calls under way.");
    prometheus::Family<prometheus::Gauge> &keys =
        gauge("appinfra_keys", "API keys of the host, by status.");
    prometheus::Family<prometheus::Histogram> &waits =
        prometheus::BuildHistogram()
            .Name("appinfra_gateway_wait_seconds")
            .Help("Time that a call waited for a connection of its workspace.")
            .Register(registry);

    prometheus::Family<prometheus::Counter> &
    counter(const char *name, const char *help)
    {
        return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
    }
    prometheus::Family<prometheus::Gauge> &
    gauge(const char *name, const char *help)
    {
        return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
    }
};

GatewayMetrics::GatewayMetrics() : families_(std::make_unique<Families>())
{
    families_->build.Add({{"version", APPINFRA_VERSION}}).Set(1);
    families_->hits.Add({});
    families_->misses.Add({});
    families_->waits.Add({}, latencies);
}

GatewayMetrics::~GatewayMetrics() = default;

void
GatewayMetrics::answered(const std::string &route, const std::string &method, int status,
                         double seconds)
{
    const prometheus::Labels labels = {
        {"route", route}, {"method", method}, {"status", std::to_string(status)}};
    families_->requests.Add(labels).Increment();
    families_->seconds.Add(labels, latencies).Observe(seconds);
}

void
GatewayMetrics::statement(const std::string &command, const std::string &sqlstate)
{
    families_->statements
        .Add({{"command", known_command(command)},
              {"sqlstate", bounded(families_->sqlstates, sqlstate)}})
        .Increment();
}

void
GatewayMetrics::procedure(const std::string &name, int status)
{
    families_->procedures
        .Add({{"name", bounded(families_->names, name)}, {"status", std::to_string(status)}})
        .Increment();
}

void
GatewayMetrics::idempotency(bool hit)
{
    (hit ? families_->hits : families_->misses).Add({}).Increment();
}

void
GatewayMetrics::waited(double seconds)
{
    families_->waits.Add({}, latencies).Observe(seconds);
}

void
GatewayMetrics::keys(const KeyCounts &counts)
{
    for (const char *status : key_statuses) {
        const auto found = counts.find(status);
        families_->keys.Add({{"status", status}}).Set(found == counts.end() ? 0 : found->second);
    }
}

std::string
GatewayMetrics::text(const GatewayState &state)
{
    families_->connections.Add({{"state", "idle"}}).Set(static_cast<double>(state.idle_sessions));
    families_->connections.Add({{"state", "busy"}}).Set(static_cast<double>(state.busy_sessions));
    families_->logins.Add({}).Set(static_cast<double>(state.logins));
    families_->calls.Add({}).Set(static_cast<double>(state.calls));
    return prometheus::TextSerializer().Serialize(families_->registry.Collect());
}

} // namespace sidecar::gateway
