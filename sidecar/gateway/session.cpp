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

} // namespace

Session::Session(asio::io_context &io, Connection connection, std::string key,
                 std::string workspace, std::string of_access, TimePoint now)
    : wire(io, std::move(connection)), key_id(std::move(key)), db_id(std::move(workspace)),
      access(std::move(of_access)), made(now)
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
