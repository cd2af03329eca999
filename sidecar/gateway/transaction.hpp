// The transaction of a call in its workspace: how it begins and ends, in the flights of what runs
// in it.
#pragma once

#include <optional>
#include <string>

#include "gateway/session.hpp"

namespace sidecar::gateway
{

// The session takes no transaction: it is being ended, perhaps because of its key.
struct NotBegun {
};

class Transaction
{
public:
    // with_id: its id is wanted before anything runs in it.
    Transaction(Session &session, bool read_only, bool with_id)
        : session_(session), read_only_(read_only), with_id_(with_id)
    {
    }

    // Line up its beginning, and take what has come of that. Throws NotBegun, or a Problem.
    void send_begin();
    asio::awaitable<void> take_begin();

    // Line up what stands behind the statement, and take what has come of that: one that is
    // read-only ends; in another one constraints speak, and its commit is flushed, whatever the
    // statement has set.
    void send_end();
    asio::awaitable<std::optional<SqlError>> take_end();

    // Whether the statement has ended it, where take_end() was to leave it open.
    bool was_moved() const;

    asio::awaitable<void> roll_back();

    // Commits, and lines up that the session is made as new.
    asio::awaitable<std::optional<SqlError>> commit();

    const std::optional<std::string> &
    id() const
    {
        return id_;
    }

private:
    Session &session_;
    bool read_only_;
    bool with_id_;
    std::optional<std::string> id_;
};

} // namespace sidecar::gateway
