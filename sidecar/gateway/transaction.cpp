// See transaction.hpp.
#include "gateway/transaction.hpp"

#include "platform/problem.hpp"

namespace sidecar::gateway
{

void
Transaction::send_begin()
{
    session_.wire.ask(read_only_ ? "BEGIN READ ONLY" : "BEGIN");
    if (with_id_)
        session_.wire.ask("SELECT pg_catalog.pg_current_xact_id()");
}

asio::awaitable<void>
Transaction::take_begin()
{
    const StatementResult begun = co_await session_.wire.take();
    if (!begun.succeeded())
        throw NotBegun();
    if (!with_id_)
        co_return;
    const StatementResult id = co_await session_.wire.take();
    if (!id.succeeded())
        throw unavailable("database_unavailable", "no transaction can write now");
    id_ = std::string(text_at(id.rows, 0, 0)); // cppcheck-suppress missingReturn ; of a coroutine
}

void
Transaction::send_end()
{
    Wire &wire = session_.wire;
    if (read_only_) {
        wire.ask("COMMIT");
        session_.sync();
        wire.ask("DISCARD ALL");
    } else {
        wire.ask("SET CONSTRAINTS ALL IMMEDIATE");
        wire.ask("SET LOCAL synchronous_commit = on");
    }
    session_.sync();
}

asio::awaitable<std::optional<SqlError>>
Transaction::take_end()
{
    const StatementResult first = co_await session_.wire.take();
    if (!read_only_)
        co_await session_.wire.take();
    co_await session_.take_sync();
    co_return first.error;
}

bool
Transaction::was_moved() const
{
    return !read_only_ && session_.wire.state() != PQTRANS_INTRANS;
}

asio::awaitable<void>
Transaction::roll_back()
{
    session_.wire.ask("ROLLBACK");
    session_.sync();
    co_await session_.wire.send();
    co_await session_.wire.take();
    co_await session_.take_sync(); // cppcheck-suppress missingReturn ; of a coroutine
}

asio::awaitable<std::optional<SqlError>>
Transaction::commit()
{
    session_.client_gone = nullptr; // it is to come to its end
    session_.wire.ask("COMMIT");
    session_.sync();
    session_.wire.ask("DISCARD ALL");
    session_.sync();
    co_await session_.wire.send();
    const StatementResult committed = co_await session_.wire.take();
    co_await session_.take_sync();
    co_return committed.error;
}

} // namespace sidecar::gateway
