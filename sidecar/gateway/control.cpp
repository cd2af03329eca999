// See control.hpp.
#include "gateway/control.hpp"

#include <algorithm>
#include <utility>

#include <unistd.h>

#include "base/failure.hpp"
#include "base/text.hpp"
#include "platform/problem.hpp"
#include "postgres/connector.hpp"

namespace sidecar::gateway
{
namespace
{

constexpr Duration answer_limit = std::chrono::seconds(5);
constexpr Duration longest_pause = std::chrono::seconds(2);

Problem
no_registry(const std::string &why)
{
    return unavailable("database_unavailable", "the control database " + why);
}

// Whether a kept statement is of no use any more: the extension was updated meanwhile.
bool
is_stale(const SqlError &error)
{
    return error.sqlstate == "0A000" || error.sqlstate == "26000";
}

} // namespace

asio::awaitable<Connection>
connect(asio::io_context &io, std::shared_ptr<const Conninfo> conninfo,
        const std::vector<std::string> &preparation)
{
    Connector connector(std::move(conninfo), preparation);
    asio::posix::stream_descriptor ready(io, dup(connector.fd()));
    connector.start();
    co_await ready.async_wait(asio::posix::stream_descriptor::wait_read, asio::use_awaitable);
    auto opened = connector.take();
    if (!opened)
        throw Failure(Failure::Kind::retry, "no connection");
    if (const auto *failure = std::get_if<Failure>(&*opened))
        throw *failure;
    co_return std::move(std::get<Connection>(*opened));
}

Control::Control(asio::io_context &io, std::shared_ptr<const Conninfo> conninfo,
                 std::size_t connections, std::vector<std::string> preparation, const Clock &clock,
                 Log &log)
    : io_(io), conninfo_(std::move(conninfo)), preparation_(std::move(preparation)), clock_(clock),
      log_(log), wires_(connections)
{
    for (std::size_t place = 0; place < connections; place++)
        asio::co_spawn(io_, serve(place), asio::detached);
}

asio::awaitable<Rows>
Control::ask(const char *sql, Parameters values)
{
    if (closed_)
        throw no_registry("is not asked any more: the gateway stops");
    if (reachable_ == Reachable::no && is_unconnected())
        throw no_registry("cannot be reached");
    auto answer = std::make_shared<Awaited<Answer>>(io_);
    give(Job{sql, std::move(values), answer});
    auto given = co_await answer->get(clock_.now() + answer_limit);
    if (!given)
        throw no_registry("did not answer in time");
    if (auto *error = std::get_if<SqlError>(&*given)) {
        if (error->sqlstate.empty() || error->sqlstate.starts_with("57P"))
            throw no_registry("cannot be reached");
        throw ControlRefused{*error};
    }
    co_return std::move(std::get<Rows>(*given));
}

// One connection may still wait to be made anew while the others are there.
bool
Control::is_unconnected() const
{
    return std::all_of(wires_.begin(), wires_.end(), [](const auto &wire) { return !wire; });
}

void
Control::give(Job job)
{
    if (idle_.empty()) {
        waiting_.push_back(std::move(job));
        return;
    }
    auto member = std::move(idle_.back());
    idle_.pop_back();
    member->set(std::move(job));
}

// Returns the next job that somebody still waits for; nothing: the gateway stops.
asio::awaitable<std::optional<Control::Job>>
Control::next_job()
{
    for (;;) {
        if (closed_)
            co_return std::nullopt;
        if (waiting_.empty()) {
            auto member = std::make_shared<Awaited<Job>>(io_);
            idle_.push_back(member);
            auto job = co_await member->get();
            if (job && !closed_)
                co_return job;
            continue;
        }
        Job job = std::move(waiting_.front());
        waiting_.pop_front();
        if (job.answer.use_count() > 1)
            co_return job;
    }
}

// Keeps one connection, and runs jobs on it.
asio::awaitable<void>
Control::serve(std::size_t place)
{
    Backoff backoff(std::chrono::milliseconds(100), longest_pause, place + 1);
    int failures = 0;
    while (!closed_) {
        if (!wires_[place] && !co_await open(place, backoff, failures))
            continue;
        auto job = co_await next_job();
        if (!job)
            break;
        if (!wires_[place]->is_alive()) { // the server was restarted meanwhile
            wires_[place].reset();
            waiting_.push_front(std::move(*job));
            continue;
        }
        if (!co_await run(*wires_[place], *job))
            wires_[place].reset();
    }
    wires_[place].reset(); // cppcheck-suppress missingReturn ; of a coroutine
}

// Connects; false: it did not succeed, and a pause is over.
asio::awaitable<bool>
Control::open(std::size_t place, Backoff &backoff, int &failures)
{
    std::optional<std::string> failed;
    try {
        wires_[place] = std::make_unique<Wire>(io_, co_await connect(io_, conninfo_, preparation_));
    } catch (const std::exception &failure) {
        failed = failure.what();
    }
    if (!failed) {
        failures = 0;
        reachable_ = Reachable::yes;
        co_return true;
    }
    if (reachable_ != Reachable::no)
        log_.warn("the gateway has no control database", {{"error", *failed}});
    reachable_ = Reachable::no;
    asio::steady_timer pause(io_);
    pause.expires_after(backoff.delay(failures++) + std::chrono::milliseconds(50));
    co_await pause.async_wait(asio::use_awaitable);
    co_return false;
}

// Runs a job; false: the connection is of no use any more.
asio::awaitable<bool>
Control::run(Wire &wire, const Job &job)
{
    SqlError error;
    try {
        wire.set_deadlines(TimePoint::max(), clock_.now() + answer_limit);
        const bool is_first = wire.ask_kept(job.sql, job.values);
        wire.sync();
        co_await wire.send();
        StatementResult parsed;
        if (is_first)
            parsed = co_await wire.take();
        StatementResult result = co_await wire.take();
        co_await wire.take_sync();
        wire.set_deadlines(TimePoint::max(), TimePoint::max());
        if (result.succeeded())
            job.answer->set(std::move(result.rows));
        else
            job.answer->set(parsed.error ? *parsed.error : *result.error);
        co_return !parsed.error && !(result.error && is_stale(*result.error));
    } catch (const WireLost &lost) {
        if (lost.error)
            error = *lost.error;
    } catch (const Problem &) {
        // An answer beyond all measure: none that these statements have.
    }
    job.answer->set(std::move(error));
    co_return false;
}

void
Control::sweep(TimePoint now)
{
    for (const auto &wire : wires_)
        if (wire && wire->break_at() <= now)
            wire->break_off();
}

void
Control::close()
{
    closed_ = true;
    for (const auto &member : std::exchange(idle_, {}))
        member->set({});
}

} // namespace sidecar::gateway
