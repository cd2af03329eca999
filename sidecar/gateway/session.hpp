// A session in a workspace: a connection of one key, which runs one call at a time and is made as
// new between two of them.
#pragma once

#include <string>

#include "base/clock.hpp"
#include "gateway/answer.hpp"
#include "gateway/wire.hpp"

namespace sidecar::gateway
{

class Session
{
public:
    Session(asio::io_context &io, Connection connection, std::string key_id, std::string db_id,
            std::string access, TimePoint made);
    Session(const Session &) = delete;
    Session &operator=(const Session &) = delete;

    Wire wire;
    const std::string key_id;
    const std::string db_id;
    const std::string access;
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
