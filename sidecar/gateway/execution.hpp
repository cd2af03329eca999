// The statement of a call, run in its workspace flight by flight, and what it comes to: rows, or a
// problem. Nothing of it commits by itself, but what only reads.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "gateway/answer.hpp"
#include "gateway/call_request.hpp"
#include "gateway/sessions.hpp"
#include "gateway/statement.hpp"
#include "gateway/transaction.hpp"
#include "platform/problem.hpp"

namespace sidecar::gateway
{

class Execution
{
public:
    // The request is one that lives longer.
    Execution(Sessions &sessions, Session &session, const CallRequest &request,
              std::size_t max_answer);

    // Whether nothing has to be known before it runs: then all is one flight.
    bool runs_at_once() const;
    asio::awaitable<void> run_at_once();

    // Has the statement parsed, and asks for its parameters and columns; then runs it.
    asio::awaitable<void> prepare();
    asio::awaitable<void> execute();

    // Looks up the types of columns that nobody has asked for yet.
    asio::awaitable<void> resolve_types();

    // Whether it is a statement that runs outside of a transaction only. Rolls back, and forgets
    // what it came to; then runs it by itself.
    bool
    needs_none() const
    {
        return needs_none_;
    }
    asio::awaitable<void> start_over();
    asio::awaitable<void> run_alone();

    // What it came to, where it was refused: what comes first counts.
    void refuse(const SqlError &error);
    void refuse(const Problem &problem);
    std::optional<Problem> &
    problem()
    {
        return problem_;
    }
    const std::optional<Problem> &
    problem() const
    {
        return problem_;
    }

    Transaction &
    transaction()
    {
        return transaction_;
    }
    const CommandTag &
    tag() const
    {
        return tag_;
    }
    const std::string &
    sqlstate() const
    {
        return sqlstate_;
    }
    bool
    procedure_exists() const
    {
        return procedure_exists_;
    }

    // How long the body gets, or was.
    std::size_t
    answer_size() const
    {
        return answer_size_ != 0 ? answer_size_ : answer_.size();
    }

    // Makes the answer's body; once.
    std::string take_body(std::int64_t duration_ms);

private:
    void find_procedure(const StatementResult &found);
    asio::awaitable<void> look_up_types();
    bool take_texts(const PGresult *description, Parameters &values);
    asio::awaitable<void> take_end();
    asio::awaitable<void> take_statement();
    void take_rows(const PGresult *rows, bool &described);

    Sessions &sessions_;
    Session &session_;
    const CallRequest &request_;
    std::string sql_;
    Transaction transaction_;
    WorkspaceTypes types_;
    Answer answer_;
    std::size_t answer_size_ = 0;
    CommandTag tag_;
    std::string sqlstate_ = "00000";
    bool procedure_exists_ = false;
    bool is_set_ = false; // the procedure returns a set
    bool needs_none_ = false;
    bool parse_again_ = false;
    Rows description_; // of the prepared statement
    std::optional<Problem> problem_;
};

} // namespace sidecar::gateway
