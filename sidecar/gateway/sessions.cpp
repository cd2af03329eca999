// See sessions.hpp.
#include "gateway/sessions.hpp"

#include <set>
#include <utility>

#include "base/failure.hpp"
#include "platform/problem.hpp"
#include "postgres/blocking_connection.hpp"

namespace sidecar::gateway
{
namespace
{

constexpr Duration patience = std::chrono::seconds(5); // for a session to be free
constexpr Duration max_idle = std::chrono::seconds(60);
constexpr Duration max_age = std::chrono::minutes(30);
constexpr Duration settle_limit = std::chrono::seconds(1);

Problem
too_many(const std::string &why)
{
    return unavailable("too_many_connections", why);
}

} // namespace

Sessions::Sessions(asio::io_context &io, Registry &registry, Canceller &canceller,
                   SessionSettings settings, const Clock &clock, Log &log)
    : io_(io), logins_(io, registry, clock), canceller_(canceller), settings_(std::move(settings)),
      clock_(clock), log_(log), turns_(io)
{
}

asio::awaitable<std::unique_ptr<Session>>
Sessions::take(const Key &key)
{
    const TimePoint until = clock_.now() + patience;
    for (;;) {
        if (closed_)
            throw unavailable("database_unavailable", "the gateway stops");
        if (auto session = take_idle(key))
            co_return session;
        if ((workspaces_[key.db_id].open < settings_.of_workspace && total_ < settings_.in_all) ||
            make_room(key.db_id))
            co_return co_await open(key);
        const bool given = co_await turns_.wait(key.db_id, until);
        if (!given)
            throw too_many("no connection of the workspace was free in time");
    }
}

// An idle session of the key that is still good.
std::unique_ptr<Session>
Sessions::take_idle(const Key &key)
{
    const TimePoint now = clock_.now();
    for (auto place = idle_.end(); place != idle_.begin();) {
        --place;
        if ((*place)->key_id != key.id)
            continue;
        auto session = std::move(*place);
        place = idle_.erase(place);
        if (session->access == key.access() && is_current(*session, now) &&
            session->wire.is_alive()) {
            busy_.push_back(session.get());
            return session;
        }
        closed(session->db_id);
    }
    return nullptr;
}

// Whether a session is young enough, and of a login that is not about to end.
bool
Sessions::is_current(const Session &session, TimePoint now) const
{
    return now < session.made + max_age &&
           logins_.is_current(session.db_id, session.access, session.login);
}

// Closes an idle session that is in the way; false: there is none.
bool
Sessions::make_room(const std::string &db_id)
{
    const bool of_workspace = workspaces_[db_id].open >= settings_.of_workspace;
    for (auto place = idle_.begin(); place != idle_.end(); ++place) {
        if (of_workspace && (*place)->db_id != db_id)
            continue;
        const std::string of = (*place)->db_id;
        idle_.erase(place);
        total_--;
        workspaces_[of].open--;
        return total_ < settings_.in_all;
    }
    return false;
}

// Connects, once more with another login where the one there is may have been revoked.
asio::awaitable<std::unique_ptr<Session>>
Sessions::open(const Key &key)
{
    workspaces_[key.db_id].open++;
    total_++;
    try {
        for (int attempt = 0; attempt < 2; attempt++) {
            const Logins::Shared login = co_await logins_.get(key.db_id, key.access());
            auto session = co_await connect_as(key, login);
            if (session) {
                busy_.push_back(session.get());
                co_return session;
            }
            if (!logins_.give_up(*login))
                break;
        }
    } catch (...) {
        closed(key.db_id);
        throw;
    }
    closed(key.db_id);
    throw unavailable("database_unavailable", "the workspace cannot be reached");
}

// Connects; null: the login is not let in. Throws a Problem when there is no room for it.
asio::awaitable<std::unique_ptr<Session>>
Sessions::connect_as(const Key &key, const Logins::Shared &login)
{
    std::string refused;
    try {
        auto conninfo = std::make_shared<const Conninfo>(session_conninfo(*login, key, settings_));
        Connection connection = co_await connect(io_, std::move(conninfo));
        login->served = true;
        co_return std::make_unique<Session>(io_, std::move(connection), key, login, clock_.now());
    } catch (const Failure &failure) {
        refused = failure.what();
    }
    if (refused.find("too many") != std::string::npos ||
        refused.find("remaining connection slots") != std::string::npos)
        throw too_many("the workspace takes no more connections now");
    log_.warn("no connection to a workspace", {{"db_id", key.db_id}, {"error", refused}});
    co_return nullptr;
}

void
Sessions::give_back(std::unique_ptr<Session> session, bool worn)
{
    session->notes = nullptr;
    session->client_gone = nullptr;
    if (worn || session->wire.broken_off() || session->cancelled || closed_) {
        busy_.remove(session.get());
        closed(session->db_id);
        return;
    }
    session->wire.set_deadlines(TimePoint::max(), clock_.now() + settle_limit);
    asio::co_spawn(io_, settle(std::move(session)), asio::detached);
}

// Makes a session as new, and lines it up with the idle ones.
asio::awaitable<void>
Sessions::settle(std::unique_ptr<Session> session)
{
    bool good = false;
    try {
        good = co_await session->make_new();
    } catch (const std::exception &) {
        // It broke, or took too long.
    }
    busy_.remove(session.get());
    const std::string db_id = session->db_id;
    const TimePoint now = clock_.now();
    if (!good || closed_ || !is_current(*session, now)) {
        session.reset();
        closed(db_id);
        co_return;
    }
    session->wire.set_deadlines(TimePoint::max(), TimePoint::max());
    session->idle_since = now;
    idle_.push_back(std::move(session));
    turns_.give(db_id); // cppcheck-suppress missingReturn ; of a coroutine
}

// Counts a session that is gone.
void
Sessions::closed(const std::string &db_id)
{
    total_--;
    workspaces_[db_id].open--;
    turns_.give(db_id);
}

void
Sessions::end_backend(const Session &session, const Key &key)
{
    canceller_.run(
        [conninfo = std::make_shared<Conninfo>(session_conninfo(*session.login, key, settings_)),
         pid = std::to_string(session.pid())] {
            try {
                BlockingConnection(*conninfo, {}, std::chrono::seconds(5))
                    .query("SELECT pg_catalog.tenant_terminate_session($1::int)", {pid});
            } catch (const Failure &) {
                // It has ended by itself, or its client_connection_check_interval ends it.
            }
        });
}

WorkspaceTypes
Sessions::types_of(const std::string &db_id)
{
    return workspaces_[db_id].types;
}

void
Sessions::sweep(TimePoint now)
{
    for (auto place = idle_.begin(); place != idle_.end();) {
        Session &session = **place;
        if (now < session.idle_since + max_idle && is_current(session, now)) {
            ++place;
            continue;
        }
        const std::string db_id = session.db_id;
        place = idle_.erase(place);
        closed(db_id);
    }
    for (Session *session : busy_) {
        const bool gone = session->client_gone != nullptr && *session->client_gone;
        if (session->wire.cancel_at() <= now || gone)
            cancel(*session);
        if (session->wire.break_at() <= now && !session->wire.broken_off())
            session->wire.break_off();
    }
}

// Cancels what a session runs, once.
void
Sessions::cancel(Session &session)
{
    session.client_gone = nullptr;
    session.wire.cancelled();
    session.cancelled = true;
    canceller_.cancel(session.wire.get());
}

std::vector<std::string>
Sessions::idle_keys() const
{
    std::set<std::string> keys;
    for (const auto &session : idle_)
        keys.insert(session->key_id);
    return {keys.begin(), keys.end()};
}

void
Sessions::close_idle_of(const std::string &key_id)
{
    for (auto place = idle_.begin(); place != idle_.end();) {
        if ((*place)->key_id != key_id) {
            ++place;
            continue;
        }
        const std::string db_id = (*place)->db_id;
        place = idle_.erase(place);
        closed(db_id);
    }
}

void
Sessions::close()
{
    closed_ = true;
    for (const auto &session : std::exchange(idle_, {}))
        closed(session->db_id);
}

} // namespace sidecar::gateway
