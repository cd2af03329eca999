// The control database, as the use cases see it. Every query gives at most one value, mostly a JSON
// document that PostgreSQL has built, so that no use case copies columns about.
#pragma once

#include <optional>
#include <string>

#include "postgres/parameters.hpp"

namespace sidecar
{

enum class Effect {
    reads,  // may be asked again when the connection breaks
    writes, // may have happened although the connection broke
};

struct Query {
    const char *name; // of the prepared statement
    const char *sql;
    Effect effect;
    bool secret = false; // the answer may hold a password, of which no copy is to stay
};

class Database
{
public:
    virtual ~Database() = default;

    // The first column of the first row; nothing when there is no row, or it is NULL. Throws a
    // Failure: the server's refusal with its SQLSTATE, or without one what is wrong with the
    // connection, in words that may be told to a caller.
    virtual std::optional<std::string> value(const Query &query, const Parameters &parameters) = 0;

    // Begins a transaction that ends with commit(), or with the task, which rolls it back.
    virtual void begin() = 0;
    virtual void commit() = 0;

    // Says for whom the rest of the transaction is, for the audit.
    virtual void act_for(const std::string &user) = 0;

    // Ends what a task has left open.
    virtual void
    tidy()
    {
    }
};

} // namespace sidecar
