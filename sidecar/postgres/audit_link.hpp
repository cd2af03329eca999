// A database connection for reading the audit log, which blocks: for commands of their own, and for
// the thread that carries seals out of the host.
#pragma once

#include <string>
#include <vector>

#include "postgres/connector.hpp"
#include "postgres/conninfo.hpp"

namespace sidecar
{

class AuditLink
{
public:
    // Connects. Throws a retry Failure without the password in its text.
    explicit AuditLink(const Conninfo &conninfo);

    // Runs a statement with text parameters. Throws a Failure: retry when the connection is lost.
    Rows query(const char *sql, const std::vector<std::string> &values = {});

private:
    Connection connection_;
};

// A value of a row as text, and as a number.
std::string text_at(const Rows &rows, int row, int column);
std::int64_t number_at(const Rows &rows, int row, int column);

} // namespace sidecar
