// A session in a workspace: a connection of one key, which runs one call at a time and is made as
// new between two of them.
#pragma once

#include <string>
#include <vector>

#include "base/clock.hpp"
#include "gateway/answer.hpp"
#include "gateway/logins.hpp"
#include "gateway/wire.hpp"

namespace sidecar::gateway
{

struct SessionSettings {
    std::size_t of_workspace = 20;
    std::size_t in_all = 100;
    Duration statement_timeout = std::chrono::seconds(5);
    Duration idle_in_transaction = std::chrono::seconds(5);
    std::string host; // in place of what the registry says; empty: that
};

// How a session of the key connects: what stands in the options outranks the login's own settings,
// and DISCARD ALL comes back to it.
Conninfo session_conninfo(const Login &login, const Key &key, const SessionSettings &settings);

class Session
{
public:
    Session(asio::io_context &io, Connection connection, const Key &key, Logins::Shared login,
            TimePoint made);
    Session(const Session &) = delete;
    Session &operator=(const Session &) = delete;

    Wire wire;
    const std::string key_id;
    const std::string db_id;
    const std::string access;
    const Logins::Shared login;
    const TimePoint made;
    TimePoint idle_since{};
    int syncs = 0; // flights whose end has not been taken yet

    // Where notices go to; null: nowhere.
    Answer *notes = nullptr;

    // Whether the client has gone, for whom a statement is run; null: it is to come to its end.
    const bool *client_gone = nullptr;

    // A cancel was sent: it may still meet what runs next.
    bool cancelled = false;

    // Ends a flight.
    void
    sync()
    {
        wire.sync();
        syncs++;
    }
    asio::awaitable<void> take_sync();

    // Takes what is still to come of the flights; whether the last of it was DISCARD ALL's.
    asio::awaitable<bool> take_rest();

    // Has types looked up in the workspace's catalog.
    asio::awaitable<void> learn(Types &types, const std::vector<Oid> &ids);

    // Ends the transaction and forgets what the session was made to hold. Throws a WireLost; false:
    // that was refused.
    asio::awaitable<bool> make_new();

    int
    pid() const
    {
        return PQbackendPID(wire.get());
    }

private:
    asio::awaitable<bool> discard(bool roll_back);
    static void take_notice(void *session, const PGresult *notice);
};

} // namespace sidecar::gateway
