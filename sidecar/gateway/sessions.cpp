// See sessions.hpp.
#include "gateway/sessions.hpp"

#include <algorithm>
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
constexpr Duration login_life = std::chrono::minutes(40); // two thirds of an hour
constexpr Duration settle_limit = std::chrono::seconds(1);
constexpr Duration young =
    std::chrono::seconds(2); // a login that cannot have been revoked long ago

Problem
too_many(const std::string &why)
{
    return unavailable("too_many_connections", why);
}

std::string
milliseconds(Duration time)
{
    return std::to_string(time.count());
}

} // namespace

Sessions::Sessions(asio::io_context &io, Registry &registry, Canceller &canceller,
                   SessionSettings settings, const Clock &clock, Log &log)
    : io_(io), registry_(registry), canceller_(canceller), settings_(std::move(settings)),
      clock_(clock), log_(log)
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
        const auto turn = std::make_shared<Awaited<bool>>(io_);
        const auto place = waiting_.insert(waiting_.end(), Waiter{key.db_id, turn});
        const bool given = (co_await turn->get(until)).has_value();
        if (!given) {
            waiting_.erase(place);
            throw too_many("no connection of the workspace was free in time");
        }
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
Sessions::is_current(const Session &session, TimePoint now)
{
    const auto &logins = workspaces_[session.db_id].logins;
    const auto login = logins.find(session.access);
    return now < session.made + max_age && login != logins.end() &&
           session.made >= login->second.made;
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
        bool stale = false;
        std::unique_ptr<Session> session = co_await connect_as(key, stale);
        if (stale)
            session = co_await connect_as(key, stale);
        if (session) {
            busy_.push_back(session.get());
            co_return session;
        }
    } catch (...) {
        closed(key.db_id);
        throw;
    }
    closed(key.db_id);
    throw unavailable("database_unavailable", "the workspace cannot be reached");
}

// Connects; null and stale: the login does not serve any more.
asio::awaitable<std::unique_ptr<Session>>
Sessions::connect_as(const Key &key, bool &stale)
{
    Login &login = workspaces_[key.db_id].logins[key.access()];
    co_await need_login(login, key.db_id, key.access());
    std::string refused;
    try {
        auto conninfo = std::make_shared<const Conninfo>(conninfo_of(login, key));
        Connection connection = co_await connect(io_, std::move(conninfo));
        stale = false;
        co_return std::make_unique<Session>(io_, std::move(connection), key.id, key.db_id,
                                            key.access(), clock_.now());
    } catch (const Failure &failure) {
        refused = failure.what();
    }
    if (refused.find("too many") != std::string::npos ||
        refused.find("remaining connection slots") != std::string::npos)
        throw too_many("the workspace takes no more connections now");
    log_.warn("no connection to a workspace", {{"db_id", key.db_id}, {"error", refused}});
    stale = !stale && clock_.now() > login.made + young;
    if (stale)
        login.renew_at = {};
    co_return nullptr;
}

// Sees to it that there is a login; those who come while it is asked for wait.
asio::awaitable<void>
Sessions::need_login(Login &login, const std::string &db_id, const std::string &access)
{
    while (login.asking) {
        const auto waiting = login.waiting.emplace_back(std::make_shared<Awaited<bool>>(io_));
        co_await waiting->get();
    }
    if (clock_.now() < login.renew_at)
        co_return;
    login.asking = true;
    std::optional<SqlError> refused;
    std::optional<Problem> problem;
    try {
        login.url = co_await registry_.login(db_id, access);
        login.made = clock_.now();
        login.renew_at = login.made + login_life;
    } catch (const ControlRefused &error) {
        refused = error.error;
    } catch (const Problem &unanswered) {
        problem = unanswered;
    }
    login.asking = false;
    for (const auto &waiting : std::exchange(login.waiting, {}))
        waiting->set(true);
    if (problem)
        throw *problem;
    if (refused && refused->sqlstate == "55000")
        KeyState{"active", "inactive"}.check();
    if (refused)
        throw problem_of(*refused); // cppcheck-suppress missingReturn ; of a coroutine
}

// How a session of the key connects: what stands in the options outranks the login's own settings,
// and DISCARD ALL comes back to it.
Conninfo
Sessions::conninfo_of(const Login &login, const Key &key) const
{
    Conninfo conninfo(login.url.reveal(), "", "any");
    conninfo.set("application_name", "appinfra_gateway");
    conninfo.set("client_encoding", "UTF8");
    if (!settings_.host.empty())
        conninfo.set("host", settings_.host);
    if (settings_.host.starts_with('/'))
        conninfo.set("sslmode", "disable");
    conninfo.set("options", "-c statement_timeout=" + milliseconds(settings_.statement_timeout) +
                                " -c idle_in_transaction_session_timeout=" +
                                milliseconds(settings_.idle_in_transaction) +
                                " -c client_connection_check_interval=1s -c DateStyle=ISO"
                                " -c IntervalStyle=postgres -c TimeZone=UTC -c bytea_output=hex"
                                " -c extra_float_digits=1 -c app.workspace_id=" +
                                key.workspace_id + " -c appinfra.key_id=" + key.line);
    return conninfo;
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
    wake(db_id); // cppcheck-suppress missingReturn ; of a coroutine
}

// Counts a session that is gone.
void
Sessions::closed(const std::string &db_id)
{
    total_--;
    workspaces_[db_id].open--;
    wake(db_id);
}

// Lets the next one try who waits for this workspace, or, if there is none, who waits at all.
void
Sessions::wake(const std::string &db_id)
{
    auto next = std::find_if(waiting_.begin(), waiting_.end(),
                             [&](const Waiter &waiter) { return waiter.db_id == db_id; });
    if (next == waiting_.end())
        next = waiting_.begin();
    if (next == waiting_.end())
        return;
    const auto turn = next->turn;
    waiting_.erase(next);
    turn->set(true);
}

void
Sessions::end_backend(const Session &session, const Key &key)
{
    const Login &login = workspaces_[key.db_id].logins[key.access()];
    canceller_.run([conninfo = std::make_shared<Conninfo>(conninfo_of(login, key)),
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

std::size_t
Sessions::logins() const
{
    std::size_t count = 0;
    for (const auto &workspace : workspaces_)
        for (const auto &login : workspace.second.logins)
            count += login.second.url.empty() ? 0 : 1;
    return count;
}

void
Sessions::close()
{
    closed_ = true;
    for (const auto &session : std::exchange(idle_, {}))
        closed(session->db_id);
}

} // namespace sidecar::gateway
