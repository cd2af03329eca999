// See daemon.hpp.
#include "daemon/daemon.hpp"

#include <algorithm>
#include <utility>

#include <poll.h>

#include "base/exit_code.hpp"
#include "base/failure.hpp"

namespace sidecar
{
namespace
{

constexpr Duration last_words = std::chrono::seconds(5); // for reports after the sends ended
constexpr Duration frontend_pause = std::chrono::milliseconds(50);
constexpr Duration max_wait = std::chrono::minutes(1);

} // namespace

Daemon::Daemon(Options options, const Signals &signals, Log &log, Reread reread)
    : options_(std::move(options)), signals_(signals), log_(log), reread_(std::move(reread))
{
    status_.delivers = options_.delivers;
    if (options_.delivers || delivers_buckets(options_) || works_at_buckets(options_))
        publisher_ = std::make_unique<Publisher>(options_, clock_, log_, status_);
    const auto conninfo =
        std::make_shared<Conninfo>(options_.database.reveal(), options_.database_password.reveal());
    const bool shared = options_.gateway.listen == options_.server.listen;
    if (!options_.gateway.listen.empty()) {
        for (const std::string &hint : gateway_hints())
            log_.warn(hint);
        gateway_ = std::make_unique<GatewayFrontend>(options_, conninfo, log_, shared);
    }
    if (options_.command == Command::mcp || options_.server.answers())
        frontend_ = std::make_unique<Frontend>(options_, conninfo, status_, log_,
                                               shared ? gateway_.get() : nullptr);
    // They live in the connection settings, the sink and the server now.
    options_.database.clear();
    options_.database_password.clear();
    options_.token.clear();
    options_.storage.token.clear();
    options_.storage.secret_key.clear();
    options_.server.tokens.keys.clear();
}

int
Daemon::run()
{
    log_.info("started", {{"version", APPINFRA_VERSION},
                          publisher_ ? Field{"worker", options_.worker} : Field{"delivers", "no"}});
    while (!advance_shutdown())
        turn();
    log_.info("stopped", publisher_ ? publisher_->tally() : Fields());
    const int code = stopping_.value_or(exit_code::done);
    return publisher_ ? publisher_->exit_code(code) : code;
}

void
Daemon::turn()
{
    if (publisher_)
        publisher_->receive();
    if (!told_ready_ && !stopping_ && (!publisher_ || publisher_->ready()))
        tell_ready();
    take_signals();
    TimePoint next = TimePoint::max();
    if (publisher_) {
        next = publisher_->step();
        status_.producer_refuses = publisher_->database_refuser() != Refuser::nobody;
        status_.storage_producer_refuses = publisher_->storage_refuser() == Refuser::producer;
        status_.store_refuses = publisher_->storage_refuser() == Refuser::store;
        status_.queue_connected = publisher_->connected();
    }
    if (!stopping_)
        decide_to_stop();
    keep_alive();
    wait(publisher_ ? std::min(next, publisher_->flush()) : next);
}

void
Daemon::take_signals()
{
    while (const int signal = signals_.take()) {
        if (signal == SIGHUP)
            reload();
        else if (stopping_)
            stop_deadline_ = clock_.now(); // asked twice
        else
            stop(options_.command == Command::publish ? exit_code::unfinished : exit_code::done);
    }
}

void
Daemon::reload()
{
    supervisor_.reloading();
    try {
        Options fresh = reread_();
        if (publisher_)
            publisher_->renew(fresh);
        if (frontend_)
            frontend_->renew(std::move(fresh.server));
        if (gateway_)
            gateway_->renew();
        log_.info(publisher_ ? "token and CA read again" : "keys and certificates read again");
    } catch (const Failure &failure) {
        log_.error("not reloaded, the old values stay", {{"error", std::string(failure.what())}});
    }
    if (publisher_)
        publisher_->retry_held();
    if (told_ready_)
        tell_ready();
}

// Stops when there is nothing left to stay for.
void
Daemon::decide_to_stop()
{
    if (frontend_ && frontend_->input_closed() && frontend_->idle()) {
        stop(exit_code::done);
    } else if (options_.command == Command::publish) {
        if (const auto code = publisher_->outcome(clock_.now()))
            stop(*code);
    }
}

void
Daemon::stop(int code)
{
    stopping_ = code;
    stop_deadline_ = clock_.now() + options_.drain_timeout;
    log_.info("stopping", publisher_ ? publisher_->under_way() : Fields());
    supervisor_.stopping();
    if (publisher_)
        publisher_->drain();
    status_.draining = true;
    if (frontend_)
        frontend_->drain();
    if (gateway_)
        gateway_->drain();
}

// Takes the shutdown as far as it can go now; says whether it is over, and with it the loop.
bool
Daemon::advance_shutdown()
{
    if (stopping_ && !finished_) {
        if (all_done())
            finished_ = true;
        else if (clock_.now() >= stop_deadline_)
            give_up_waiting();
    }
    return finished_;
}

// Ends the sends that have had their time; when the reports of that have had theirs, ends all.
void
Daemon::give_up_waiting()
{
    if (publisher_ && !abandoned_) {
        abandoned_ = true;
        publisher_->abandon();
        stop_deadline_ = clock_.now() + last_words;
        return;
    }
    if (publisher_)
        log_.error("stopped before everything was reported; leases will run out",
                   publisher_->under_way());
    finished_ = true;
}

// Whether nothing is held and nobody waits for an answer.
bool
Daemon::all_done() const
{
    return (!publisher_ || publisher_->idle()) && (!frontend_ || frontend_->idle()) &&
           (!gateway_ || gateway_->idle());
}

void
Daemon::tell_ready()
{
    supervisor_.ready(publisher_ ? "delivering" : "answering requests");
    told_ready_ = true;
}

void
Daemon::keep_alive()
{
    if (!supervisor_.interval() || clock_.now() < alive_at_)
        return;
    supervisor_.alive();
    alive_at_ = clock_.now() + *supervisor_.interval();
}

void
Daemon::wait(TimePoint next)
{
    const TimePoint now = clock_.now();
    if (supervisor_.interval())
        next = std::min(next, alive_at_);
    // The frontends do not wake this loop.
    if ((frontend_ || gateway_) && (stopping_ || options_.command == Command::mcp))
        next = std::min(next, now + frontend_pause);
    if (stopping_)
        next = std::min(next, stop_deadline_);
    if (advance_shutdown())
        return;
    const Duration limit = next > now ? std::min<Duration>(next - now, max_wait) : Duration(0);
    if (publisher_) {
        publisher_->wait(signals_.fd(), limit);
    } else {
        pollfd signals{signals_.fd(), POLLIN, 0};
        poll(&signals, 1, static_cast<int>(limit.count()));
    }
}

} // namespace sidecar
