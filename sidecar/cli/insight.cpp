// The verbs that show what goes on in a database: what it uses, its sessions, its statements.
#include <cstdio>

#include "cli/exit_codes.hpp"
#include "cli/names.hpp"
#include "cli/verbs.hpp"
#include "cli/wait.hpp"

namespace sidecar::cli::verbs
{
namespace
{

constexpr Column usage_members[] = {
    {"measured", "measured_at"},
    {"size", "size"},
    {"temporary files", "temporary"},
    {"disk limit", "disk_limit"},
    {"disk", "disk_state"},
    {"connections", "connections"},
    {"transactions", "transactions"},
    {"blocks read", "blocks_read"},
    {"blocks hit", "blocks_hit"},
    {"temporary bytes", "temp_bytes"},
    {"deadlocks", "deadlocks"},
    {"oldest transaction", "oldest_transaction"},
    {"locks", "locks"},
    {"last login", "last_login"},
};

constexpr Column session_columns[] = {
    {"PID", "pid"},
    {"LOGIN", "username"},
    {"ACCESS", "access", 6},
    {"STATE", "state"},
    {"FROM", "client_addr", 5},
    {"PROGRAM", "application_name", 4},
    {"STARTED", "started", 3},
    {"WAITS FOR", "wait_event", 2},
    {"QUERY", "query"},
};

constexpr Column statement_columns[] = {
    {"CALLS", "calls"},      {"TOTAL MS", "total_ms"}, {"MEAN MS", "mean_ms", 1},
    {"MAX MS", "max_ms", 3}, {"ROWS", "rows", 2},      {"BLOCKS READ", "blocks_read", 4},
    {"STATEMENT", "query"},
};

// Numbers of a statement as a person reads them: three digits behind the point.
void
round_times(const Json &document)
{
    std::size_t index = 0;
    json_t *one = nullptr;
    json_array_foreach(json_object_get(document.get(), "statements"), index, one)
    {
        for (const char *name : {"total_ms", "mean_ms", "max_ms"}) {
            const double value = json_number_value(json_object_get(one, name));
            char text[32];
            std::snprintf(text, sizeof text, "%.3f", value);
            json_object_set_new(one, name, json_string(text));
        }
    }
}

// When the session with a pid began, as the server says it; "" when there is none.
std::string
start_of(const Session &session, const std::string &id, const std::string &pid)
{
    const Json sessions = session.client.get(api_path({"databases", id, "sessions"}));
    std::size_t index = 0;
    const json_t *one = nullptr;
    json_array_foreach(json_object_get(sessions.get(), "sessions"), index, one)
    {
        if (value_text(json_object_get(one, "pid")) == pid)
            return json_string_value(json_object_get(one, "started"));
    }
    return "";
}

} // namespace

int
show_usage(const Session &session)
{
    const std::string id = database_named(session.client, session.operand(0));
    show_members(session, session.client.get(api_path({"databases", id, "usage"})), usage_members);
    return exit_codes::done;
}

int
list_sessions(const Session &session)
{
    const std::string id = database_named(session.client, session.operand(0));
    show_list(session, session.client.get(api_path({"databases", id, "sessions"})), "sessions",
              {session_columns, "nobody is connected"});
    return exit_codes::done;
}

int
kill_session(const Session &session)
{
    const std::string id = database_named(session.client, session.operand(0));
    const std::string &pid = session.operand(1);
    const std::string start = start_of(session, id, pid);
    if (start.empty())
        throw Refusal(exit_codes::not_found, "no session of " + id + " has this pid");
    if (!may_destroy(session, "End the session " + pid + " of " + id + "?"))
        return exit_codes::refused;
    const Json ended = session.client.call("DELETE", api_path({"databases", id, "sessions", pid}) +
                                                         query_of({{"started", start}}));
    if (session.json())
        print_json(session, ended);
    return wait_for(session, [&]() -> Progress {
        return start_of(session, id, pid) == start
                   ? Progress{false, false, "the end of session " + pid}
                   : Progress{true, false, "session " + pid + " has ended"};
    });
}

int
list_statements(const Session &session)
{
    const std::string id = database_named(session.client, session.operand(0));
    const Json statements = session.client.get(api_path({"databases", id, "statements"}));
    if (!session.json())
        round_times(statements);
    show_list(session, statements, "statements",
              {statement_columns, "no statement has been counted"});
    return exit_codes::done;
}

} // namespace sidecar::cli::verbs
