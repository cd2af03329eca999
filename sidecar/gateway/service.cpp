// See service.hpp.
#include "gateway/service.hpp"

#include <algorithm>
#include <utility>

#include "gateway/json_text.hpp"
#include "gateway/procedure.hpp"
#include "platform/problem.hpp"

namespace sidecar::gateway
{
namespace
{

constexpr std::size_t max_seen = 20'000;
constexpr Duration seen_for = std::chrono::minutes(5);
constexpr Duration sweep_pause = std::chrono::milliseconds(100);
constexpr Duration report_pause = std::chrono::milliseconds(500);
constexpr Duration watch_pause = std::chrono::seconds(5);
constexpr Duration key_count_pause = std::chrono::seconds(5);
constexpr Duration behind_limit = std::chrono::seconds(10);
constexpr std::size_t lazy_connections = 8;
constexpr std::size_t sure_connections = 2;

// Commits that nobody has to wait for are not flushed: what they precede in the log is. And the
// registry is told how long a call may take, to end those of gateways that are gone.
std::vector<std::string>
lazy_preparation(const CallSettings &settings)
{
    return {"SET synchronous_commit = off", "SET appinfra.gateway_statement_timeout = " +
                                                std::to_string(settings.statement_timeout.count())};
}

} // namespace

Service::Service(asio::io_context &io, std::shared_ptr<const Conninfo> control,
                 ServiceSettings settings, const Clock &clock, Log &log)
    : io_(io), settings_(std::move(settings)), clock_(clock), log_(log), reports_(clock),
      lazy_(io, control, lazy_connections, lazy_preparation(settings_.calls), clock, log),
      sure_(io, control, sure_connections, {}, clock, log),
      registry_(io, lazy_, sure_, settings_.name),
      sessions_(io, registry_, canceller_, settings_.sessions, clock, log),
      key_watch_(io, std::move(control), registry_, sessions_, log)
{
    start(sweep());
    start(send_reports());
    start(watch_keys());
}

void
Service::start(asio::awaitable<void> task)
{
    tasks_++;
    asio::co_spawn(io_, std::move(task), [this](const std::exception_ptr &) { tasks_--; });
}

bool
Service::has_seen(const ApiKey &key) const
{
    const auto found = seen_.find(key.id);
    return found != seen_.end() && found->second.secret_hash == key.secret_hash;
}

asio::awaitable<Key>
Service::authenticate(const ApiKey &key, const std::string &address, bool fresh)
{
    if (!fresh && has_seen(key) && clock_.now() < seen_[key.id].at + seen_for)
        co_return seen_[key.id].key;
    const auto found = co_await registry_.key(key);
    if (!found || found->first.env != key.env) {
        seen_.erase(key.id);
        reports_.refused("unknown_key", found ? key.id : "", address);
        throw Problem(401, "invalid_api_key", "there is no such API key");
    }
    if (seen_.size() >= max_seen)
        seen_.erase(seen_.begin());
    seen_[key.id] = {key.secret_hash, found->first, clock_.now()};
    if (!fresh)
        co_return found->first;
    std::optional<Problem> refused;
    try {
        found->second.check();
        co_return found->first;
    } catch (const Problem &problem) {
        refused = problem;
    }
    tell_refusal(*refused, key.id, address);
    throw *refused;
}

// Counts a refusal for the audit log, if its rule is one of those that are.
void
Service::tell_refusal(const Problem &problem, const std::string &key_id, const std::string &address)
{
    if (problem.title == "permission_denied")
        reports_.refused("permission", key_id, address);
    else if (problem.title == "key_inactive" || problem.title == "workspace_inactive")
        reports_.refused(problem.title, key_id, address);
}

asio::awaitable<Response>
Service::execute_sql(const Caller &caller, const std::string &body, const Once &once,
                     const bool &client_gone)
{
    RequestedStatement statement = read_statement(body, settings_.statements);
    CallRequest request{caller.key,
                        {caller.key.id, caller.request_id, "/v1/sql/execute", caller.address},
                        once.key,
                        once.request_hash,
                        std::move(statement.sql),
                        std::move(statement.parameters),
                        std::nullopt};
    co_return co_await run(std::move(request), client_gone);
}

asio::awaitable<Response>
Service::call_procedure(const Caller &caller, const std::string &body, const Once &once,
                        const bool &client_gone)
{
    const JsonView object = read_object(body);
    const auto procedure = object.member("procedure");
    if (!procedure || procedure->kind() != JsonView::Kind::string ||
        !is_procedure_name(procedure->text().value_or("")))
        throw invalid_field("the field procedure must be 1 to 63 of a-z, 0-9 and _");
    auto arguments = object.member("args");
    if (arguments && arguments->kind() != JsonView::Kind::object &&
        arguments->kind() != JsonView::Kind::null)
        throw invalid_field("the field args must be an object");
    if (!arguments || arguments->kind() == JsonView::Kind::null)
        arguments = JsonView("{}");
    CallRequest request{caller.key,
                        {caller.key.id, caller.request_id, "/v1/rpc/call", caller.address},
                        once.key,
                        once.request_hash,
                        {},
                        {*arguments},
                        procedure->text()};
    co_return co_await run(std::move(request), client_gone);
}

// Runs a call and counts what it came to. What it did not tell the registry itself is reported.
asio::awaitable<Response>
Service::run(CallRequest request, const bool &client_gone)
{
    if (!greeted_) // a login that was made now would be taken back
        throw unavailable("database_unavailable", "the gateway has not reached its registry yet");
    const CallHead head = request.head;
    const std::optional<std::string> procedure = request.procedure;
    const bool once = request.idempotency_key.has_value();
    Call call({registry_, sessions_, reports_, clock_}, settings_.calls, std::move(request),
              client_gone);
    std::optional<Problem> refused;
    Response response;
    calls_++;
    try {
        response = co_await call.run();
    } catch (const Problem &problem) {
        refused = problem;
    } catch (const ControlRefused &error) {
        refused = unavailable("database_unavailable", "the control database refused the call");
        log_.error("the control database refused a call",
                   {{"sqlstate", error.error.sqlstate}, {"error", error.error.message}});
    }
    calls_--;
    const CallEnd &end = call.end();
    if (end.waited)
        metrics_.waited(std::chrono::duration<double>(*end.waited).count());
    if (!procedure && !end.replayed)
        metrics_.statement(end.command, end.sqlstate);
    if (procedure && end.procedure_exists)
        metrics_.procedure(*procedure, refused ? refused->status : response.status);
    if (once)
        metrics_.idempotency(end.replayed);
    if (!refused)
        co_return response;
    if (refused->title == "key_inactive" || refused->title == "workspace_inactive")
        reports_.refused(refused->title, head.key_id, head.client_address);
    else
        reports_.add(head, refused->status, R"({"title":")" + refused->title + "\"}");
    throw *refused;
}

// Says what is open and under way, and what keys there are.
asio::awaitable<std::string>
Service::metrics_text()
{
    if (settings_.counts_keys)
        co_await count_keys();
    const std::size_t open = sessions_.open();
    co_return metrics_.text(
        {sessions_.idle(), open - std::min(open, sessions_.idle()), sessions_.logins(), calls_});
}

// Counts keys, not more often than they are worth it. While the registry does not answer, the
// former counts stay.
asio::awaitable<void>
Service::count_keys()
{
    if (clock_.now() < keys_counted_ + key_count_pause)
        co_return;
    keys_counted_ = clock_.now();
    try {
        const Rows rows = co_await lazy_.ask(
            "SELECT status, keys FROM appinfra.gateway_key_counts()", Parameters());
        KeyCounts counts;
        for (int row = 0; row < PQntuples(rows.get()); row++)
            counts[std::string(text_at(rows, row, 0))] =
                std::stod(std::string(text_at(rows, row, 1)));
        metrics_.keys(counts);
    } catch (const Problem &) {
        // /readyz says so.
    } catch (const ControlRefused &refused) {
        log_.error("keys cannot be counted", {{"error", refused.error.message}});
    }
}

asio::awaitable<std::vector<std::string>>
Service::reasons()
{
    std::vector<std::string> reasons;
    try {
        const Rows rows = co_await lazy_.ask(
            "SELECT appinfra.version(), appinfra.guard_state(), pg_is_in_recovery(), "
            "pg_has_role('appinfra_gateway', 'USAGE')",
            Parameters());
        const std::string version(text_at(rows, 0, 0));
        if (version != APPINFRA_VERSION)
            reasons.push_back("the extension is of version " + version + ", the gateway of " +
                              APPINFRA_VERSION);
        if (text_at(rows, 0, 1) != "enforce")
            reasons.push_back("appinfra.guard is " + std::string(text_at(rows, 0, 1)));
        if (text_at(rows, 0, 2) == "t")
            reasons.emplace_back("the server takes no writes");
        if (text_at(rows, 0, 3) != "t")
            reasons.emplace_back("the gateway's login is no member of appinfra_gateway");
    } catch (const Problem &problem) {
        reasons.push_back(problem.detail);
    } catch (const ControlRefused &refused) {
        reasons.push_back("the control database refuses: " + refused.error.message);
    }
    if (clock_.now() - reports_.waiting_since() > behind_limit)
        reasons.emplace_back("audit rows are more than 10 s behind");
    if (!greeted_)
        reasons.emplace_back("the gateway has not reached its registry yet");
    if (closed_)
        reasons.emplace_back("the gateway stops");
    co_return reasons;
}

asio::awaitable<void>
Service::pause(Duration time)
{
    asio::steady_timer timer(io_);
    timer.expires_after(time);
    co_await timer.async_wait(asio::use_awaitable); // cppcheck-suppress missingReturn
}

// Breaks off what is overdue, closes what is idle for too long.
asio::awaitable<void>
Service::sweep()
{
    while (!closed_ || calls_ > 0) {
        const TimePoint now = clock_.now();
        sessions_.sweep(now);
        lazy_.sweep(now);
        sure_.sweep(now);
        co_await pause(sweep_pause);
    }
}

asio::awaitable<void>
Service::send_reports()
{
    for (bool last = false; !last;) {
        co_await pause(closed_ ? Duration(10) : report_pause);
        last = closed_ && calls_ == 0;
        std::string batch = reports_.take();
        bool sent = batch.empty();
        if (!sent) {
            try {
                co_await registry_.report(batch);
                sent = true;
            } catch (const Problem &) {
                // It is tried again.
            } catch (const ControlRefused &refused) {
                log_.error("audit rows were refused", {{"error", refused.error.message}});
                sent = true;
            }
        }
        if (!sent)
            reports_.put_back(std::move(batch));
        if (last) {
            key_watch_.close();
            sessions_.close();
            try {
                co_await registry_.hello(); // takes back the logins
            } catch (const Problem &) {
            } catch (const ControlRefused &) {
            }
            lazy_.close();
            sure_.close();
        }
    }
}

// Greets the registry; then closes the sessions of keys that are active no more.
asio::awaitable<void>
Service::watch_keys()
{
    while (!closed_) {
        try {
            if (!greeted_)
                co_await registry_.hello();
            greeted_ = true;
            co_await key_watch_.ask();
        } catch (const Problem &) {
            // It is asked again.
        } catch (const ControlRefused &refused) {
            log_.error("the registry refuses the gateway", {{"error", refused.error.message}});
        }
        const Duration until = greeted_ ? watch_pause : sweep_pause;
        for (Duration waited{0}; waited < until && !closed_; waited += sweep_pause)
            co_await pause(sweep_pause);
    }
}

void
Service::close()
{
    closed_ = true;
}

} // namespace sidecar::gateway
