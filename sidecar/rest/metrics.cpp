// See metrics.hpp.
#include "rest/metrics.hpp"

#include <array>
#include <utility>

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include "base/failure.hpp"
#include "base/json.hpp"
#include "platform/statuses.hpp"

namespace sidecar
{
namespace
{

using Gauges = prometheus::Family<prometheus::Gauge>;
using Counters = prometheus::Family<prometheus::Counter>;
using Histograms = prometheus::Family<prometheus::Histogram>;

const prometheus::Histogram::BucketBoundaries latencies = {
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30};

constexpr Query registry_query = {
    "metrics_registry",
    "SELECT json_build_object("
    " 'publications', (SELECT json_object_agg(status, n) FROM"
    "  (SELECT status, count(*) AS n FROM appinfra.publications GROUP BY 1) p),"
    " 'oldest', (SELECT coalesce(extract(epoch FROM now() - min(created_at)), 0)::float8"
    "  FROM appinfra.publications WHERE status IN ('pending', 'claimed')),"
    " 'pool', (SELECT json_object_agg(status, n) FROM"
    "  (SELECT status, count(*) AS n FROM appinfra.pool WHERE db_id <> '-' GROUP BY 1) p),"
    " 'tenants', (SELECT json_object_agg(status, n) FROM"
    "  (SELECT status, count(*) AS n FROM appinfra.databases GROUP BY 1) d),"
    " 'claims', (SELECT count(*) FROM appinfra.databases),"
    " 'keys', (SELECT json_object_agg(status, n) FROM"
    "  (SELECT status, count(*) AS n FROM appinfra.keys GROUP BY 1) k),"
    " 'held', (SELECT (held_since IS NOT NULL)::int FROM appinfra.recovery),"
    " 'unhealed', (SELECT unhealed FROM appinfra.recovery),"
    " 'xid_age', (SELECT max(age::float8 / nullif(age_limit, 0)) FROM appinfra.xid_use()),"
    " 'xid_rate', (SELECT max(rate::float8 / nullif(rate_limit, 0)) FROM appinfra.xid_use()),"
    " 'certificate', (SELECT extract(epoch FROM not_after)::float8"
    "  FROM appinfra.server_certificate())"
    ")::text",
    Effect::reads};

// Refusals after the id $1, by rule: an event beyond the token bucket stands for several.
constexpr Query refusals_query = {
    "metrics_refusals",
    "SELECT json_build_object('last', max(last), 'rules', json_object_agg(rule, n))::text FROM"
    " (SELECT coalesce(detail ->> 'rule', action) AS rule, max(id) AS last,"
    "   sum(coalesce((detail ->> 'count')::bigint, 1))::bigint AS n"
    "  FROM appinfra.audit WHERE id > $1::bigint AND outcome = 'refused' GROUP BY 1) a",
    Effect::reads};

constexpr Query buckets_query = {
    "metrics_buckets",
    "SELECT json_build_object("
    " 'buckets', (SELECT json_object_agg(status, n) FROM"
    "  (SELECT status, count(*) AS n FROM appinfra.buckets GROUP BY 1) b),"
    " 'pending', (SELECT count(*) FROM appinfra.buckets WHERE generation > done_generation),"
    " 'oldest', (SELECT coalesce(extract(epoch FROM now() - min(behind_since)), 0)::float8"
    "  FROM appinfra.buckets WHERE generation > done_generation),"
    " 'objects', (SELECT coalesce(sum(objects), 0) FROM appinfra.buckets),"
    " 'bytes', (SELECT coalesce(sum(bytes), 0) FROM appinfra.buckets))::text",
    Effect::reads};

constexpr Query usage_query = {
    "metrics_usage",
    "SELECT json_build_object("
    " 'states', (SELECT json_object_agg(disk_state, n) FROM"
    "  (SELECT disk_state, count(*) AS n FROM appinfra.usage GROUP BY 1) u),"
    " 'bytes', (SELECT coalesce(sum(size + temporary), 0) FROM appinfra.usage),"
    " 'ratio', (SELECT coalesce(max((size + temporary)::float8 / disk_limit), 0)"
    "  FROM appinfra.usage WHERE disk_limit > 0),"
    " 'age', (SELECT coalesce(extract(epoch FROM now() - max(measured_at)), 0)::float8"
    "  FROM appinfra.usage),"
    " 'expiring', (SELECT json_object_agg(within, n) FROM"
    "  (SELECT within, count(*) AS n FROM appinfra.expiring GROUP BY 1) e))::text",
    Effect::reads};

constexpr Query tenants_query = {
    "metrics_tenants",
    "SELECT json_object_agg(db_id, json_build_array(coalesce(size, 0) + temporary, connections,"
    " transactions, blocks_hit, blocks_read, temp_bytes, deadlocks, locks,"
    " coalesce(extract(epoch FROM measured_at - oldest_transaction), 0)::float8))::text"
    " FROM appinfra.usage WHERE status IN ('ready', 'revoked')",
    Effect::reads};

constexpr Query audit_lag_query = {
    "metrics_audit_lag",
    "SELECT coalesce(extract(epoch FROM now() - min(time)), 0)::text FROM appinfra.audit WHERE id >"
    " coalesce((SELECT last_id FROM appinfra.audit_seals ORDER BY number DESC LIMIT 1), 0)",
    Effect::reads};

void
set_all(Gauges &gauges, const char *label, const json_t *counts)
{
    const char *name;
    json_t *count;
    json_object_foreach(const_cast<json_t *>(counts), name, count) gauges.Add({{label, name}})
        .Set(static_cast<double>(json_integer_value(count)));
}

} // namespace

struct Metrics::Families {
    prometheus::Registry registry;

    Counters &requests = counter("appinfra_http_requests_total", "Requests by route and code.");
    Histograms &seconds = prometheus::BuildHistogram()
                              .Name("appinfra_http_request_seconds")
                              .Help("Time from a request's last byte to its response, by route.")
                              .Register(registry);
    Gauges &open = gauge("appinfra_http_connections", "Open connections.");
    Gauges &publications = gauge("appinfra_publications", "Publications by status.");
    Gauges &oldest = gauge("appinfra_publication_oldest_pending_seconds",
                           "Age of the oldest publication that is not delivered yet.");
    Gauges &pool = gauge("appinfra_pool_shells", "Shells of the pool: ready and building.");
    Gauges &claims = gauge("appinfra_claims", "Databases that were ever claimed.");
    Gauges &tenants = gauge("appinfra_tenants", "Databases of tenants by status.");
    Gauges &keys = gauge("appinfra_keys", "API keys of the host, by status.");
    Gauges &held = gauge("appinfra_publications_held",
                         "Whether the host may be a copy and hands out no publication.");
    Gauges &unhealed = gauge("appinfra_unhealed_bindings",
                             "What is not published again yet after a failover or a restore.");
    Gauges &xid_age = gauge("appinfra_xid_age_ratio",
                            "Oldest transaction id that a tenant's session keeps, of the limit.");
    Gauges &xid_rate = gauge("appinfra_xid_rate_ratio",
                             "Transaction ids per second of the tenant that takes most, of the "
                             "limit.");
    Gauges &certificate = gauge("appinfra_server_certificate_not_after_seconds",
                                "When the server's certificate expires, in seconds since 1970.");
    Counters &refusals = counter("appinfra_refusals_total", "Refusals in the audit log, by rule.");
    Gauges &lag = gauge("appinfra_audit_lag_seconds", "Age of the oldest row that is not sealed.");
    Gauges &buckets = gauge("appinfra_buckets", "Buckets by status.");
    Gauges &objects = gauge("appinfra_bucket_objects", "Objects in all buckets, as told last.");
    Gauges &bytes = gauge("appinfra_bucket_bytes", "Bytes in all buckets, as told last.");
    Gauges &work = gauge("appinfra_bucket_work_pending",
                         "Buckets of which the store is not yet as the registry wants it.");
    Gauges &oldest_work = gauge("appinfra_bucket_work_oldest_seconds",
                                "How long the store has been behind with one of them.");
    Gauges &disk_states =
        gauge("appinfra_tenants_disk_state", "Databases by where they are with their disk limit.");
    Gauges &disk_bytes = gauge("appinfra_tenants_disk_bytes", "Bytes of all tenants' files.");
    Gauges &disk_ratio = gauge("appinfra_disk_limit_ratio",
                               "Disk that the tenant takes that is nearest its limit, of that.");
    Gauges &usage_age =
        gauge("appinfra_usage_age_seconds", "Time since what tenants use was measured.");
    Gauges &expiring = gauge("appinfra_databases_expiring",
                             "Databases that are removed by themselves, within that time.");
    // One of each tenant, in the order of tenants_query.
    std::array<Gauges *, 9> of_tenants = {
        &gauge("appinfra_tenant_disk_bytes", "Bytes of a tenant's files."),
        &gauge("appinfra_tenant_connections", "Sessions of a tenant."),
        &gauge("appinfra_tenant_transactions",
               "Transactions of a tenant, as counted by the server."),
        &gauge("appinfra_tenant_blocks_hit", "Blocks of a tenant that were found in memory."),
        &gauge("appinfra_tenant_blocks_read", "Blocks of a tenant that were read."),
        &gauge("appinfra_tenant_temporary_bytes",
               "Bytes that a tenant has written to temporary files."),
        &gauge("appinfra_tenant_deadlocks", "Deadlocks of a tenant."),
        &gauge("appinfra_tenant_locks", "Locks that a tenant's sessions hold."),
        &gauge("appinfra_tenant_oldest_transaction_seconds",
               "Age of a tenant's oldest transaction."),
    };
    Counters &store_calls =
        counter("appinfra_store_calls_total", "Calls of the object store by name and code.");
    Counters &store_seconds = counter("appinfra_store_call_seconds",
                                      "Time that calls of the object store took, by name.");
    Counters &reconnects =
        counter("appinfra_database_reconnects_total", "Connections that broke and were made anew.");
    Counters &failures =
        counter("appinfra_database_connect_failures_total", "Connects that did not succeed.");
    Gauges &up = gauge("appinfra_database_up", "Whether the control database answers.");
    Gauges &build = gauge("appinfra_build_info", "1, with the version.");

    Counters &
    counter(const char *name, const char *help)
    {
        return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
    }
    Gauges &
    gauge(const char *name, const char *help)
    {
        return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
    }
};

Metrics::Metrics(const Clock &clock, std::shared_ptr<DatabaseLogin> login)
    : Snapshot(clock), families_(std::make_unique<Families>()), login_(std::move(login))
{
    families_->build.Add({{"version", APPINFRA_VERSION}}).Set(1);
}

Metrics::~Metrics() = default;

void
Metrics::answered(const std::string &route, const std::string &method, int status, double seconds)
{
    families_->requests
        .Add({{"route", route}, {"method", method}, {"code", std::to_string(status)}})
        .Increment();
    families_->seconds.Add({{"route", route}, {"method", method}}, latencies).Observe(seconds);
}

void
Metrics::connections(std::size_t open)
{
    families_->open.Add({}).Set(static_cast<double>(open));
}

Response
Metrics::response()
{
    const std::lock_guard lock(mutex_);
    auto &reconnects = families_->reconnects.Add({});
    reconnects.Increment(static_cast<double>(login_->broken) - reconnects.Value());
    auto &failures = families_->failures.Add({});
    failures.Increment(static_cast<double>(login_->failures) - failures.Value());
    count_store_calls();
    return {200,
            prometheus::TextSerializer().Serialize(families_->registry.Collect()),
            "text/plain; version=0.0.4; charset=utf-8",
            false,
            {}};
}

Response
Metrics::late()
{
    families_->up.Add({}).Set(0);
    return response();
}

void
Metrics::read(Database &database)
{
    try {
        read_registry(database);
        read_buckets(database);
        read_usage(database);
        if (tells_tenants_)
            read_tenants(database);
        families_->up.Add({}).Set(1);
    } catch (const Failure &) {
        families_->up.Add({}).Set(0);
    }
}

void
Metrics::read_registry(Database &database)
{
    const Json state = parse_json(database.value(registry_query, {}).value_or("{}"));
    const auto part = [&](const char *name) {
        return json_object_get(state.get(), name);
    };
    for (const char *status : publication_statuses)
        families_->publications.Add({{"status", status}}).Set(0);
    for (const char *status : pool_statuses)
        families_->pool.Add({{"status", status}}).Set(0);
    for (const char *status : database_statuses)
        families_->tenants.Add({{"status", status}}).Set(0);
    for (const char *status : key_statuses)
        families_->keys.Add({{"status", status}}).Set(0);
    set_all(families_->keys, "status", part("keys"));
    set_all(families_->publications, "status", part("publications"));
    set_all(families_->pool, "status", part("pool"));
    set_all(families_->tenants, "status", part("tenants"));
    families_->oldest.Add({}).Set(json_number_value(part("oldest")));
    families_->claims.Add({}).Set(static_cast<double>(json_integer_value(part("claims"))));
    families_->held.Add({}).Set(static_cast<double>(json_integer_value(part("held"))));
    families_->unhealed.Add({}).Set(static_cast<double>(json_integer_value(part("unhealed"))));
    families_->xid_age.Add({}).Set(json_number_value(part("xid_age")));
    families_->xid_rate.Add({}).Set(json_number_value(part("xid_rate")));
    if (json_is_number(part("certificate")))
        families_->certificate.Add({}).Set(json_number_value(part("certificate")));
    else
        families_->certificate.Remove(&families_->certificate.Add({})); // there is none to expire
    const Json refusals =
        parse_json(database.value(refusals_query, {std::to_string(last_refusal_)}).value_or("{}"));
    const char *rule;
    json_t *count;
    json_object_foreach(json_object_get(refusals.get(), "rules"), rule, count)
        families_->refusals.Add({{"rule", rule}})
            .Increment(static_cast<double>(json_integer_value(count)));
    last_refusal_ = std::max(last_refusal_, integer_member(refusals, "last").value_or(0));
    const auto lag = database.value(audit_lag_query, {});
    families_->lag.Add({}).Set(lag ? std::atof(lag->c_str()) : 0);
}

void
Metrics::read_buckets(Database &database)
{
    const Json state = parse_json(database.value(buckets_query, {}).value_or("{}"));
    const auto number = [&](const char *name) {
        return json_number_value(json_object_get(state.get(), name));
    };
    for (const char *status : bucket_statuses)
        families_->buckets.Add({{"status", status}}).Set(0);
    set_all(families_->buckets, "status", json_object_get(state.get(), "buckets"));
    families_->work.Add({}).Set(number("pending"));
    families_->oldest_work.Add({}).Set(number("oldest"));
    families_->objects.Add({}).Set(number("objects"));
    families_->bytes.Add({}).Set(number("bytes"));
}

void
Metrics::read_usage(Database &database)
{
    const Json state = parse_json(database.value(usage_query, {}).value_or("{}"));
    const auto part = [&](const char *name) {
        return json_object_get(state.get(), name);
    };
    for (const char *word : {"ok", "near", "over"})
        families_->disk_states.Add({{"state", word}}).Set(0);
    for (const char *within : {"1 hour", "24 hours"})
        families_->expiring.Add({{"within", within}}).Set(0);
    set_all(families_->disk_states, "state", part("states"));
    set_all(families_->expiring, "within", part("expiring"));
    families_->disk_bytes.Add({}).Set(json_number_value(part("bytes")));
    families_->disk_ratio.Add({}).Set(json_number_value(part("ratio")));
    families_->usage_age.Add({}).Set(json_number_value(part("age")));
}

// A tenant that is gone leaves no series behind.
void
Metrics::read_tenants(Database &database)
{
    const Json all = parse_json(database.value(tenants_query, {}).value_or("{}"));
    std::set<std::string> gone = std::move(told_tenants_);
    told_tenants_.clear();
    const char *db_id;
    json_t *numbers;
    json_object_foreach(all.get(), db_id, numbers)
    {
        std::size_t place = 0;
        for (Gauges *family : families_->of_tenants)
            family->Add({{"db_id", db_id}})
                .Set(json_number_value(json_array_get(numbers, place++)));
        told_tenants_.insert(db_id);
        gone.erase(db_id);
    }
    for (const std::string &former : gone)
        for (Gauges *family : families_->of_tenants)
            family->Remove(&family->Add({{"db_id", former}}));
}

// Brings the counters of the store's calls to what was counted.
void
Metrics::count_store_calls()
{
    if (store_calls_ == nullptr)
        return;
    const auto raise = [](prometheus::Counter &counter, double to) {
        counter.Increment(to - counter.Value());
    };
    std::map<std::string, double> seconds;
    for (const auto &[call, sums] : store_calls_->all()) {
        raise(families_->store_calls.Add({{"call", call.first}, {"code", call.second}}),
              sums.calls);
        seconds[call.first] += sums.seconds;
    }
    for (const auto &[name, sum] : seconds)
        raise(families_->store_seconds.Add({{"call", name}}), sum);
}

} // namespace sidecar
