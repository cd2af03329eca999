// What the gateway asks of the registry, each a statement of its own on the control database. All
// of it throws ControlRefused, or a Problem when the database does not answer in time.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/api_key.hpp"
#include "gateway/awaited.hpp"
#include "gateway/control.hpp"
#include "postgres/conninfo.hpp"

// SQL for an instant as the answers have it.
#define INSTANT(column)                                                                            \
    "pg_catalog.to_char(" column " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"

namespace sidecar::gateway
{

// A key as the registry has it.
struct Key {
    std::string id;
    std::string db_id;
    std::string workspace_id;
    std::string role; // dbadmin, dbuser, reader
    std::string env;
    std::string name;
    std::string expires_at; // RFC 3339; empty: never
    std::string line;       // the first key of those it was rotated from

    bool
    is_reader() const
    {
        return role == "reader";
    }
    std::string access() const;
};

// Whether a key may run something now.
struct KeyState {
    std::string key;       // active, expired, revoked; empty: unknown
    std::string workspace; // ready, or what else it is

    // Throws the Problem there is with it.
    void check() const;
};

// A call, as the registry is told of it.
struct CallHead {
    std::string key_id;
    std::string request_id;
    std::string endpoint;
    std::string client_address;
};

struct Verdict {
    std::string call_id;
    std::string word;
    int status = 0;
    std::string body;
};

class Registry
{
public:
    // lazy's commits are not flushed, sure's are. name: the gateway's.
    Registry(asio::io_context &io, Control &lazy, Control &sure, std::string name)
        : io_(io), lazy_(lazy), sure_(sure), name_(std::move(name))
    {
    }

    asio::awaitable<void> hello();

    // The key with that secret, and its state; nothing: unknown, or another secret.
    asio::awaitable<std::optional<std::pair<Key, KeyState>>> key(const ApiKey &key);

    // The state of a key, asked for together with those of all calls that begin in this turn of
    // the loop. Returns at once; the answer is in the Awaited, an empty state when there is none.
    using Asked = std::shared_ptr<Awaited<KeyState>>;
    Asked ask_state(const std::string &key_id);

    // Which of these keys are not active, or of a workspace that is not ready.
    asio::awaitable<std::set<std::string>> inactive(std::vector<std::string> key_ids);

    // A login of the workspace, as a connection string.
    asio::awaitable<Secret> login(const std::string &db_id, const std::string &access);

    asio::awaitable<Verdict> begin(const CallHead &head, const std::string &idempotency_key,
                                   const std::string &request_hash,
                                   const std::optional<std::string> &xid, int pid);

    struct Ending {
        std::optional<std::string> call_id;
        std::optional<std::string> xid;
        int status = 200;
        const std::string *body = nullptr; // null: it is not kept
        std::string detail;                // JSON
    };
    asio::awaitable<bool> finish(const CallHead &head, const Ending &ending);

    asio::awaitable<void> report(std::string entries);

    // Rows of the functions about keys; statements are given with the caller's key as $1.
    asio::awaitable<Rows> keys(const char *sql, Parameters values);

    const std::string &
    name() const
    {
        return name_;
    }

private:
    asio::awaitable<void> ask_states();

    asio::io_context &io_;
    Control &lazy_;
    Control &sure_;
    std::string name_;
    std::vector<std::pair<std::string, Asked>> wanted_; // states that are asked for in this turn
};

// The array of PostgreSQL with these texts, which have neither quotes nor backslashes.
std::string text_array(const std::vector<std::string> &texts);

} // namespace sidecar::gateway
