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
#include "gateway/canceller.hpp"
#include "gateway/logins.hpp"
#include "gateway/registry.hpp"
#include "gateway/session.hpp"
#include "gateway/turns.hpp"
#include "gateway/types.hpp"

namespace sidecar::gateway
{

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
    std::size_t
    logins() const
    {
        return logins_.count();
    }

private:
    struct Workspace {
        std::size_t open = 0;
        WorkspaceTypes types = std::make_shared<Types>();
    };

    std::unique_ptr<Session> take_idle(const Key &key);
    bool is_current(const Session &session, TimePoint now) const;
    bool make_room(const std::string &db_id);
    asio::awaitable<std::unique_ptr<Session>> open(const Key &key);
    asio::awaitable<std::unique_ptr<Session>> connect_as(const Key &key,
                                                         const Logins::Shared &login);
    asio::awaitable<void> settle(std::unique_ptr<Session> session);
    void closed(const std::string &db_id);

    asio::io_context &io_;
    Logins logins_;
    Canceller &canceller_;
    SessionSettings settings_;
    const Clock &clock_;
    Log &log_;
    std::map<std::string, Workspace> workspaces_;
    std::list<std::unique_ptr<Session>> idle_; // the one used last is the last
    std::list<Session *> busy_;
    Turns turns_;
    std::size_t total_ = 0;
    bool closed_ = false;
};

} // namespace sidecar::gateway
