// See porter.hpp.
#include "daemon/porter.hpp"

#include <utility>

#include <poll.h>

#include "base/exit_code.hpp"
#include "base/failure.hpp"

namespace sidecar
{
namespace
{

constexpr int short_wait = 50; // ms; the doors do not wake this loop
constexpr int long_wait = 1000;

} // namespace

Porter::Porter(Options options, const Signals &signals, Log &log, Reread reread)
    : options_(std::move(options)), signals_(signals), log_(log), reread_(std::move(reread)),
      frontend_(options_,
                std::make_shared<Conninfo>(options_.database.reveal(),
                                           options_.database_password.reveal()),
                status_, log)
{
    options_.database.clear();
    options_.database_password.clear();
    options_.token.clear();
    options_.server.tokens.keys.clear();
}

int
Porter::run()
{
    log_.info("started", {{"version", APPINFRA_VERSION}, {"delivers", "no"}});
    supervisor_.ready();
    while (!(stopping_ && (frontend_.idle() || clock_.now() >= stop_deadline_))) {
        take_signals();
        if (frontend_.input_closed() && frontend_.idle() && !stopping_)
            stop();
        wait();
    }
    log_.info("stopped");
    return exit_code::done;
}

void
Porter::take_signals()
{
    while (const int signal = signals_.take()) {
        if (signal == SIGHUP)
            reload();
        else if (stopping_)
            stop_deadline_ = clock_.now(); // asked twice
        else
            stop();
    }
}

void
Porter::reload()
{
    supervisor_.reloading();
    try {
        frontend_.renew(reread_().server);
        log_.info("keys and certificates read again");
    } catch (const Failure &failure) {
        log_.error("not reloaded, the old values stay", {{"error", std::string(failure.what())}});
    }
    supervisor_.ready();
}

void
Porter::stop()
{
    stopping_ = true;
    stop_deadline_ = clock_.now() + options_.drain_timeout;
    log_.info("stopping");
    supervisor_.stopping();
    status_.draining = true;
    frontend_.drain();
}

void
Porter::wait()
{
    if (supervisor_.interval() && clock_.now() >= alive_at_) {
        supervisor_.alive();
        alive_at_ = clock_.now() + *supervisor_.interval();
    }
    pollfd signals{signals_.fd(), POLLIN, 0};
    poll(&signals, 1, stopping_ || options_.command == Command::mcp ? short_wait : long_wait);
}

} // namespace sidecar
