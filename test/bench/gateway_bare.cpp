// The messages of a gateway's calls, said to both databases by libpq without HTTP: what the gateway
// is measured against. One thread, one coroutine a client, as there.
//   gateway_bare MODE CLIENTS SECONDS CONTROL WORKSPACE KEY_ID SQL
// MODE: statement (the bare statement), read, write, once. Prints calls per second, and the median
// and the 99th percentile of a call in milliseconds.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/failure.hpp"
#include "base/log.hpp"
#include "gateway/control.hpp"
#include "gateway/registry.hpp"
#include "gateway/session.hpp"

namespace
{

using namespace sidecar;
using namespace sidecar::gateway;

struct Bench {
    std::string mode;
    std::string sql;
    std::string key_id;
    TimePoint end;
    SystemClock clock;
    Log log{LogFormat::text, LogLevel::warn};
    asio::io_context io{1};
    std::vector<double> times;
    int number = 0;
};

asio::awaitable<void>
take_all(Session &session, int statements)
{
    for (int i = 0; i < statements; i++) {
        const StatementResult result = co_await session.wire.take();
        if (!result.succeeded())
            throw Failure(Failure::Kind::give_up,
                          result.error ? result.error->message : "a statement was skipped");
    }
    co_await session.take_sync(); // cppcheck-suppress missingReturn ; of a coroutine
}

asio::awaitable<void>
statement(Bench &bench, Session &session)
{
    session.wire.ask(bench.sql.c_str());
    session.sync();
    co_await session.wire.send();
    co_await take_all(session, 1);
}

asio::awaitable<void>
read(Bench &bench, Session &session, Registry &registry)
{
    const Registry::Asked asked = registry.ask_state(bench.key_id);
    session.wire.ask("BEGIN READ ONLY");
    session.wire.ask(bench.sql.c_str());
    session.wire.ask("COMMIT");
    session.sync();
    session.wire.ask("DISCARD ALL");
    session.sync();
    co_await session.wire.send();
    co_await take_all(session, 3);
    co_await asked->get();
    co_await take_all(session, 1);
}

asio::awaitable<void>
end(Session &session)
{
    session.wire.ask("COMMIT");
    session.sync();
    session.wire.ask("DISCARD ALL");
    session.sync();
    co_await session.wire.send();
    co_await take_all(session, 1);
    co_await take_all(session, 1);
}

asio::awaitable<void>
write(Bench &bench, Session &session, Registry &registry)
{
    const CallHead head{bench.key_id, "bench", "/v1/sql/execute", "127.0.0.1"};
    session.wire.ask("BEGIN");
    session.wire.ask(bench.sql.c_str());
    session.wire.ask("SET CONSTRAINTS ALL IMMEDIATE");
    session.wire.ask("SET LOCAL synchronous_commit = on");
    session.sync();
    co_await session.wire.send();
    co_await take_all(session, 4);
    const Registry::Ending ending{std::nullopt, std::nullopt, 200, nullptr,
                                  "{\"pid\":" + std::to_string(session.pid()) + "}"};
    co_await registry.finish(head, ending);
    co_await end(session);
}

asio::awaitable<void>
once(Bench &bench, Session &session, Registry &registry)
{
    static const std::string body(120, 'x');
    const CallHead head{bench.key_id, "bench", "/v1/sql/execute", "127.0.0.1"};
    session.wire.ask("BEGIN");
    session.wire.ask("SELECT pg_catalog.pg_current_xact_id()");
    session.wire.prepare(bench.sql);
    session.wire.describe();
    session.sync();
    co_await session.wire.send();
    co_await session.wire.take();
    const StatementResult id = co_await session.wire.take();
    const std::string xid(text_at(id.rows, 0, 0));
    co_await take_all(session, 2);
    const std::string key =
        "bare-" + std::to_string(getpid()) + "-" + std::to_string(bench.number++);
    const Verdict verdict =
        co_await registry.begin(head, key, "\\x" + std::string(64, 'a'), xid, session.pid());
    const Parameters none;
    session.wire.execute(none);
    session.wire.ask("SET CONSTRAINTS ALL IMMEDIATE");
    session.wire.ask("SET LOCAL synchronous_commit = on");
    session.sync();
    co_await session.wire.send();
    co_await take_all(session, 3);
    const Registry::Ending ending{verdict.call_id, xid, 200, &body,
                                  "{\"pid\":" + std::to_string(session.pid()) + "}"};
    co_await registry.finish(head, ending);
    co_await end(session);
}

asio::awaitable<void>
run_client(Bench &bench, Registry &registry, std::shared_ptr<const Conninfo> workspace)
{
    Session session(bench.io, co_await connect(bench.io, workspace), bench.key_id, "", "",
                    bench.clock.now());
    while (bench.clock.now() < bench.end) {
        const auto begun = std::chrono::steady_clock::now();
        if (bench.mode == "statement")
            co_await statement(bench, session);
        else if (bench.mode == "read")
            co_await read(bench, session, registry);
        else if (bench.mode == "write")
            co_await write(bench, session, registry);
        else
            co_await once(bench, session, registry);
        const std::chrono::duration<double, std::milli> taken =
            std::chrono::steady_clock::now() - begun;
        bench.times.push_back(taken.count());
    }
}

} // namespace

int
main(int count, char **values)
{
    if (count != 8) {
        std::cerr << "usage: gateway_bare MODE CLIENTS SECONDS CONTROL WORKSPACE KEY_ID SQL\n";
        return 2;
    }
    Bench bench;
    bench.mode = values[1];
    bench.key_id = values[6];
    bench.sql = values[7];
    const auto seconds = std::chrono::seconds(std::atoi(values[3]));
    bench.end = bench.clock.now() + seconds;
    const auto control = std::make_shared<const Conninfo>(values[4], "");
    const auto workspace = std::make_shared<const Conninfo>(values[5], "", "any");
    const std::vector<std::string> unflushed = {"SET synchronous_commit = off"};
    Control lazy(bench.io, control, 8, unflushed, bench.clock, bench.log);
    Control sure(bench.io, control, 1, {}, bench.clock, bench.log);
    Registry registry(bench.io, lazy, sure, "bench");
    int left = std::atoi(values[2]);
    int failed = 0;
    for (int i = std::atoi(values[2]); i > 0; i--)
        asio::co_spawn(bench.io, run_client(bench, registry, workspace),
                       [&](const std::exception_ptr &error) {
                           try {
                               if (error)
                                   std::rethrow_exception(error);
                           } catch (const std::exception &why) {
                               std::cerr << why.what() << "\n";
                               failed = 1;
                           }
                           if (--left == 0)
                               bench.io.stop();
                       });
    bench.io.run();
    std::sort(bench.times.begin(), bench.times.end());
    if (bench.times.empty())
        return 1;
    const std::size_t n = bench.times.size();
    std::printf("%.0f %.2f %.2f\n", static_cast<double>(n) / static_cast<double>(seconds.count()),
                bench.times[n / 2], bench.times[n * 99 / 100]);
    std::fflush(stdout);
    std::_Exit(failed);
}
