// One call: a statement of a key, run in its workspace in a transaction of its own, with its audit
// row and, with an Idempotency-Key, once only. What is said to whom, and in which order, is what
// makes that hold; call_flights.cpp says it to the workspace.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "gateway/answer.hpp"
#include "gateway/json_view.hpp"
#include "gateway/registry.hpp"
#include "gateway/reports.hpp"
#include "gateway/sessions.hpp"
#include "gateway/statement.hpp"
#include "platform/message.hpp"
#include "platform/problem.hpp"

namespace sidecar::gateway
{

struct CallSettings {
    std::size_t max_answer = 8UL * 1024 * 1024;
    Duration statement_timeout = std::chrono::seconds(5);
    bool audit_sql = false;
};

// What a request asks for.
struct CallRequest {
    Key key;
    CallHead head;
    std::optional<std::string> idempotency_key;
    std::string request_hash;
    std::string sql;
    std::vector<JsonView> parameters;     // valid as long as the request
    std::optional<std::string> procedure; // then sql is empty until it is looked up
};

// What a call came to, for metrics.
struct CallEnd {
    std::string command;
    std::string sqlstate = "00000";
    bool replayed = false;
    bool procedure_exists = false;
    std::optional<Duration> waited; // for a session; nothing: it got none
};

class Call
{
public:
    struct Parts {
        Registry &registry;
        Sessions &sessions;
        Reports &reports;
        const Clock &clock;
    };

    Call(Parts parts, const CallSettings &settings, CallRequest request, const bool &client_gone);
    ~Call();
    Call(const Call &) = delete;
    Call &operator=(const Call &) = delete;

    // Runs it. Throws a Problem.
    asio::awaitable<Response> run();

    const CallEnd &
    end() const
    {
        return end_;
    }

private:
    // The order of things.
    asio::awaitable<void> take_session();
    asio::awaitable<Response> read();
    asio::awaitable<Response> write();
    asio::awaitable<std::optional<Response>> reserve(std::optional<std::string> xid);
    asio::awaitable<Response> finish_read(const Registry::Asked &asked);
    asio::awaitable<Response> finish_refused(const Problem &problem);
    asio::awaitable<Response> commit();
    asio::awaitable<Response> run_alone();
    [[noreturn]] void lost(const WireLost &lost);
    asio::awaitable<void> refuse_end();
    asio::awaitable<void> check_key();
    bool is_late(const WireLost &lost) const;
    Problem no_time() const;

    // What is said to the workspace (call_flights.cpp).
    void begin(bool read_only);
    asio::awaitable<void> take_begin(bool read_only);
    asio::awaitable<void> run_at_once(bool read_only);
    asio::awaitable<void> prepare(bool read_only);
    void find_procedure(const StatementResult &found);
    asio::awaitable<void> look_up_types();
    asio::awaitable<void> learn(const std::vector<Oid> &types);
    asio::awaitable<void> execute(bool read_only);
    bool take_texts(const PGresult *description, Parameters &values);
    void send_end(bool read_only);
    asio::awaitable<void> take_end(bool read_only);
    asio::awaitable<void> take_statement();
    void take_rows(const PGresult *rows, bool &described);
    asio::awaitable<void> resolve_types();
    void refuse(const SqlError &error);
    void refuse(const Problem &problem);

    bool runs_at_once() const;
    Response response();
    std::string detail() const;
    std::string body();

    Parts parts_;
    const CallSettings &settings_;
    CallRequest request_;
    const bool &client_gone_;
    TimePoint started_;
    std::unique_ptr<Session> session_;
    WorkspaceTypes types_;
    Answer answer_;
    std::size_t answer_size_ = 0;
    CommandTag tag_;
    bool is_set_ = false;     // the procedure returns a set
    bool needs_none_ = false; // the statement needs to run outside a transaction
    bool parse_again_ = false;
    bool commit_sent_ = false;
    Rows description_; // of the prepared statement
    std::optional<std::string> xid_;
    std::optional<std::string> call_id_;
    std::optional<Problem> problem_; // what the statement came to, when it was refused
    CallEnd end_;
};

} // namespace sidecar::gateway
