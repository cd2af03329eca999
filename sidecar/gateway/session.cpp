// See session.hpp.
#include "gateway/session.hpp"

#include <utility>

namespace sidecar::gateway
{
namespace
{

bool
is_discard_all(PGresult *result)
{
    return PQresultStatus(result) == PGRES_COMMAND_OK &&
           std::string_view(PQcmdStatus(result)) == "DISCARD ALL";
}

std::string
milliseconds(Duration time)
{
    return std::to_string(time.count());
}

} // namespace

Conninfo
session_conninfo(const Login &login, const Key &key, const SessionSettings &settings)
{
    Conninfo conninfo(login.url.reveal(), "", "any");
    conninfo.set("application_name", "appinfra_gateway");
    conninfo.set("client_encoding", "UTF8");
    if (!settings.host.empty())
        conninfo.set("host", settings.host);
    if (settings.host.starts_with('/'))
        conninfo.set("sslmode", "disable");
    conninfo.set("options", "-c statement_timeout=" + milliseconds(settings.statement_timeout) +
                                " -c idle_in_transaction_session_timeout=" +
                                milliseconds(settings.idle_in_transaction) +
                                " -c client_connection_check_interval=1s -c DateStyle=ISO"
                                " -c IntervalStyle=postgres -c TimeZone=UTC -c bytea_output=hex"
                                " -c extra_float_digits=1 -c app.workspace_id=" +
                                key.workspace_id + " -c appinfra.key_id=" + key.line);
    return conninfo;
}

Session::Session(asio::io_context &io, Connection connection, const Key &key, Logins::Shared of,
                 TimePoint now)
    : wire(io, std::move(connection)), key_id(key.id), db_id(key.db_id), access(key.access()),
      login(std::move(of)), made(now)
{
    PQsetNoticeReceiver(wire.get(), take_notice, this);
}

void
Session::take_notice(void *session, const PGresult *notice)
{
    const char *text = PQresultErrorField(notice, PG_DIAG_MESSAGE_PRIMARY);
    Answer *notes = static_cast<Session *>(session)->notes;
    if (notes != nullptr && text != nullptr)
        notes->note(text);
}

asio::awaitable<void>
Session::take_sync()
{
    co_await wire.take_sync();
    syncs--; // cppcheck-suppress missingReturn ; of a coroutine
}

asio::awaitable<bool>
Session::take_rest()
{
    bool discarded = false;
    while (syncs > 0) { // flights that nobody has waited for
        const Rows result = co_await wire.next();
        if (!result)
            continue;
        if (PQresultStatus(result.get()) == PGRES_PIPELINE_SYNC)
            syncs--;
        else
            discarded = is_discard_all(result.get());
    }
    co_return discarded;
}

asio::awaitable<bool>
Session::make_new()
{
    const bool discarded = co_await take_rest();
    if (discarded && wire.state() == PQTRANS_IDLE)
        co_return true;
    co_return co_await discard(wire.state() != PQTRANS_IDLE);
}

asio::awaitable<void>
Session::learn(Types &types, const std::vector<Oid> &ids)
{
    std::string array = "{";
    co_await take_rest(); // a reader's DISCARD ALL
    for (const Oid id : ids)
        array.append(array.size() > 1 ? "," : "").append(std::to_string(id));
    wire.ask(Types::lookup_sql, {array + "}"});
    sync();
    co_await wire.send();
    const StatementResult found = co_await wire.take();
    co_await take_sync();
    if (found.succeeded())
        types.learn(found.rows.get()); // cppcheck-suppress missingReturn ; of a coroutine
}

// One too many of ROLLBACK would be a warning in the server's log.
asio::awaitable<bool>
Session::discard(bool roll_back)
{
    if (roll_back) {
        wire.ask("ROLLBACK");
        sync();
    }
    wire.ask("DISCARD ALL");
    sync();
    co_await wire.send();
    if (roll_back) {
        co_await wire.take();
        co_await take_sync();
    }
    const StatementResult result = co_await wire.take();
    co_await take_sync();
    co_return result.succeeded();
}

} // namespace sidecar::gateway
