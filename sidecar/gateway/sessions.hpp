// The gateway's connections to workspaces: a few for each key, none shared between keys, within
// limits for a workspace and in all.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "gateway/awaited.hpp"
#include "gateway/canceller.hpp"
#include "gateway/registry.hpp"
#include "gateway/session.hpp"
#include "gateway/types.hpp"

namespace sidecar::gateway
{

struct SessionSettings {
    std::size_t of_workspace = 20;
    std::size_t in_all = 100;
    Duration statement_timeout = std::chrono::seconds(5);
    Duration idle_in_transaction = std::chrono::seconds(5);
    std::string host; // in place of what the registry says; empty: that
};

// What a workspace's types are; they live as long as somebody uses them.
using WorkspaceTypes = std::shared_ptr<Types>;

class Sessions
{
public:
    Sessions(asio::io_context &io, Registry &registry, Canceller &canceller,
             SessionSettings settings, const Clock &clock, Log &log);

    // Returns a session of the key, waiting for one as long as a client should. Throws a Problem.
    asio::awaitable<std::unique_ptr<Session>> take(const Key &key);

    // Gives it back, whatever state it is in: it is made as new, or, if worn or of no use any more,
    // closed.
    void give_back(std::unique_ptr<Session> session, bool worn);

    // Ends the backend of a session that does not end by itself, over another connection.
    void cancel(Session &session);
    void end_backend(const Session &session, const Key &key);

    WorkspaceTypes types_of(const std::string &db_id);

    // Closes what has been idle or open for too long; cancels and breaks off what is overdue.
    void sweep(TimePoint now);

    // The keys of idle sessions, and closes those of these keys.
    std::vector<std::string> idle_keys() const;
    void close_idle_of(const std::string &key_id);

    // Opens none any more, and closes the idle ones.
    void close();

    std::size_t
    open() const
    {
        return total_;
    }
    std::size_t
    idle() const
    {
        return idle_.size();
    }
    std::size_t logins() const;

private:
    struct Login {
        Secret url;
        TimePoint renew_at{};
        TimePoint made{};
        bool asking = false;
        std::vector<std::shared_ptr<Awaited<bool>>> waiting;
    };
    struct Workspace {
        std::size_t open = 0;
        std::map<std::string, Login> logins; // by access
        WorkspaceTypes types = std::make_shared<Types>();
    };
    struct Waiter {
        std::string db_id;
        std::shared_ptr<Awaited<bool>> turn;
    };

    std::unique_ptr<Session> take_idle(const Key &key);
    bool is_current(const Session &session, TimePoint now);
    bool make_room(const std::string &db_id);
    asio::awaitable<std::unique_ptr<Session>> open(const Key &key);
    asio::awaitable<std::unique_ptr<Session>> connect_as(const Key &key, bool &stale);
    asio::awaitable<void> need_login(Login &login, const std::string &db_id,
                                     const std::string &access);
    Conninfo conninfo_of(const Login &login, const Key &key) const;
    asio::awaitable<void> settle(std::unique_ptr<Session> session);
    void closed(const std::string &db_id);
    void wake(const std::string &db_id);
    void watch(Session *session);

    asio::io_context &io_;
    Registry &registry_;
    Canceller &canceller_;
    SessionSettings settings_;
    const Clock &clock_;
    Log &log_;
    std::map<std::string, Workspace> workspaces_;
    std::list<std::unique_ptr<Session>> idle_; // the one used last is the last
    std::list<Session *> busy_;
    std::list<Waiter> waiting_;
    std::size_t total_ = 0;
    bool closed_ = false;
};

} // namespace sidecar::gateway
