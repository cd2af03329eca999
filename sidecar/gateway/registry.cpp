// See registry.hpp.
#include "gateway/registry.hpp"

#include <map>
#include <utility>

#include "base/hex.hpp"
#include "platform/problem.hpp"

namespace sidecar::gateway
{
namespace
{

// In RFC 3339 and UTC, whatever the connection's settings are.
std::string
at(const Rows &rows, int row, int column)
{
    return std::string(text_at(rows, row, column));
}

// The bytes of a bytea in hex.
std::string
bytes_of(std::string_view text)
{
    std::size_t size = 0;
    unsigned char *bytes =
        PQunescapeBytea(reinterpret_cast<const unsigned char *>(text.data()), &size);
    std::string copy(reinterpret_cast<const char *>(bytes), size);
    PQfreemem(bytes);
    return copy;
}

} // namespace

std::string
Key::access() const
{
    if (role == "dbadmin")
        return "owner";
    return role == "dbuser" ? "writer" : "reader";
}

void
KeyState::check() const
{
    if (key != "active")
        throw Problem(401, "key_inactive", "the API key is revoked or has expired");
    if (workspace != "ready")
        throw Problem(403, "workspace_inactive", "the workspace of this key cannot be used now");
}

std::string
text_array(const std::vector<std::string> &texts)
{
    std::string array = "{";
    for (const std::string &text : texts)
        array.append(array.size() > 1 ? ",\"" : "\"").append(text).append("\"");
    return array + "}";
}

asio::awaitable<void>
Registry::hello()
{
    Parameters values = {name_};
    co_await lazy_.ask("SELECT appinfra.gateway_hello($1)", std::move(values));
}

asio::awaitable<std::optional<std::pair<Key, KeyState>>>
Registry::key(const ApiKey &key)
{
    Parameters values = {key.id, key.secret_hash};
    const Rows rows = co_await lazy_.ask(
        "SELECT db_id, workspace_id, role, env, coalesce(name, ''), status, workspace_status, "
        "coalesce(" INSTANT("expires_at") ", ''), line FROM appinfra.gateway_key($1, $2::bytea)",
        std::move(values));
    if (PQntuples(rows.get()) == 0)
        co_return std::nullopt;
    co_return std::pair(Key{key.id, at(rows, 0, 0), at(rows, 0, 1), at(rows, 0, 2), at(rows, 0, 3),
                            at(rows, 0, 4), at(rows, 0, 7), at(rows, 0, 8)},
                        KeyState{at(rows, 0, 5), at(rows, 0, 6)});
}

Registry::Asked
Registry::ask_state(const std::string &key_id)
{
    auto asked = std::make_shared<Awaited<KeyState>>(io_);
    wanted_.emplace_back(key_id, asked);
    if (wanted_.size() == 1)
        asio::co_spawn(io_, ask_states(), asio::detached);
    return asked;
}

asio::awaitable<void>
Registry::ask_states()
{
    co_await asio::post(io_, asio::use_awaitable); // when all that is ready has run
    const auto wanted = std::exchange(wanted_, {});
    std::vector<std::string> ids;
    std::map<std::string_view, KeyState> states;
    for (const auto &one : wanted)
        if (states.emplace(one.first, KeyState{}).second)
            ids.push_back(one.first);
    bool answered = false;
    Rows rows;
    try {
        Parameters values = {text_array(ids)};
        rows = co_await lazy_.ask("SELECT key_id, status, workspace_status FROM "
                                  "appinfra.gateway_keys($1::text[])",
                                  std::move(values));
        answered = true;
    } catch (const Problem &) {
    } catch (const ControlRefused &) {
    }
    for (int row = 0; answered && row < PQntuples(rows.get()); row++)
        states[text_at(rows, row, 0)] = {at(rows, row, 1), at(rows, row, 2)};
    for (const auto &one : wanted) // unanswered: the state has no text at all
        one.second->set(answered && states[one.first].key.empty() ? KeyState{"unknown", ""}
                                                                  : states[one.first]);
}

asio::awaitable<std::set<std::string>>
Registry::inactive(std::vector<std::string> key_ids)
{
    Parameters values = {text_array(key_ids)};
    const Rows rows = co_await lazy_.ask("SELECT key_id FROM appinfra.gateway_keys($1::text[]) "
                                         "WHERE status = 'active' AND workspace_status = 'ready'",
                                         std::move(values));
    std::set<std::string> found(key_ids.begin(), key_ids.end());
    for (int row = 0; row < PQntuples(rows.get()); row++)
        found.erase(at(rows, row, 0));
    co_return found;
}

asio::awaitable<Secret>
Registry::login(const std::string &db_id, const std::string &access)
{
    Parameters values = {name_, db_id, access};
    const Rows rows =
        co_await sure_.ask("SELECT url FROM appinfra.gateway_login($1, $2, $3)", std::move(values));
    co_return Secret(text_at(rows, 0, 0));
}

asio::awaitable<Verdict>
Registry::begin(const CallHead &head, const std::string &idempotency_key,
                const std::string &request_hash, const std::optional<std::string> &xid, int pid)
{
    Parameters values = {name_,
                         head.key_id,
                         head.request_id,
                         head.endpoint,
                         head.client_address,
                         idempotency_key,
                         request_hash,
                         xid,
                         std::to_string(pid)};
    const Rows rows =
        co_await lazy_.ask("SELECT call_id, verdict, status, body FROM appinfra.gateway_begin("
                           "$1, $2, $3, $4, $5, $6, $7::bytea, $8::xid8, $9::int)",
                           std::move(values));
    Verdict verdict{at(rows, 0, 0), at(rows, 0, 1), 0, {}};
    if (verdict.word == "replay") {
        verdict.status = static_cast<int>(number_at(rows, 0, 2));
        verdict.body = bytes_of(text_at(rows, 0, 3));
    }
    co_return verdict;
}

asio::awaitable<bool>
Registry::finish(const CallHead &head, const Ending &ending)
{
    std::optional<std::string> body;
    if (ending.body != nullptr)
        body = "\\x" + hex(*ending.body);
    Parameters values = {name_,
                         head.key_id,
                         head.request_id,
                         head.endpoint,
                         head.client_address,
                         ending.call_id,
                         ending.xid,
                         std::to_string(ending.status),
                         std::move(body),
                         ending.detail};
    const Rows rows = co_await lazy_.ask(
        "SELECT appinfra.gateway_finish($1, $2, $3, $4, $5, $6::bigint, $7::xid8, $8::int, "
        "$9::bytea, $10::jsonb)",
        std::move(values));
    co_return text_at(rows, 0, 0) == "t";
}

asio::awaitable<void>
Registry::report(std::string entries)
{
    Parameters values = {name_, std::move(entries)};
    co_await lazy_.ask("SELECT appinfra.gateway_report($1, $2::jsonb)", std::move(values));
}

asio::awaitable<Rows>
Registry::keys(const char *sql, Parameters values)
{
    return sure_.ask(sql, std::move(values));
}

} // namespace sidecar::gateway
