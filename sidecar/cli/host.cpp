// The verbs of deliveries and of the host: its pool, what is open, its audit, whether it works.
#include <chrono>
#include <thread>

#include "base/failure.hpp"
#include "cli/exit_codes.hpp"
#include "cli/names.hpp"
#include "cli/verbs.hpp"

namespace sidecar::cli::verbs
{
namespace
{

constexpr Column publication_columns[] = {
    {"NUMBER", "publication_id"}, {"DATABASE", "db_id", 1},      {"KIND", "kind", 4},
    {"TARGET", "target"},         {"VARIABLES", "variables", 2}, {"STATUS", "status"},
    {"TRY", "attempt", 5},        {"ERROR", "error", 3},         {"MADE", "created_at", 6},
};

constexpr Column pool_columns[] = {
    {"DATABASE", "db_id"},   {"STATUS", "status"},       {"READY", "ready_at"},
    {"NAME", "database", 2}, {"ERROR", "last_error", 1},
};

constexpr Column exposure_columns[] = {
    {"SEVERITY", "severity"}, {"RULE", "rule"},          {"DATABASE", "database", 2},
    {"OBJECT", "object", 3},  {"GRANTEE", "grantee", 4}, {"REMEDY", "remedy", 1},
};

constexpr Column audit_columns[] = {
    {"NUMBER", "id"},       {"TIME", "time"},         {"ACTION", "action"},
    {"OUTCOME", "outcome"}, {"DATABASE", "db_id", 1}, {"LOGIN", "credential", 3},
    {"ACTOR", "actor", 4},  {"FOR", "end_user", 2},
};

constexpr auto follow_pause = std::chrono::seconds(1);

// Writes rows of the audit: as JSON, one a line, or as a table.
void
print_rows(const Session &session, const json_t *rows)
{
    if (!session.json())
        return print_table(session.terminal, {audit_columns, ""}, rows, session.is_on("wide"));
    std::size_t index = 0;
    json_t *row = nullptr;
    json_array_foreach(const_cast<json_t *>(rows), index, row)
    {
        print_json(session, Json(json_incref(row)));
    }
}

// A number that stands in a path or a query.
const std::string &
checked_number(const std::string &text, const char *what)
{
    if (text.empty() || text.size() > 18 ||
        text.find_first_not_of("0123456789") != std::string::npos)
        refuse(std::string(what) + " is a number");
    return text;
}

} // namespace

int
list_publications(const Session &session)
{
    std::string path =
        api_path({"publications"}) + query_of({{"status", session.option("status")}});
    if (!session.line.operands.empty()) {
        if (!session.option("status").empty())
            refuse("--status goes without DATABASE");
        path = api_path(
            {"databases", database_named(session.client, session.operand(0)), "publications"});
    }
    show_list(session, session.client.pages(path, "publications"), "publications",
              {publication_columns, "there are no deliveries"});
    return exit_codes::done;
}

int
retry_publication(const Session &session)
{
    const std::string &number = checked_number(session.operand(0), "a delivery");
    const Json body(json_object());
    const Json sent =
        session.client.call("POST", api_path({"publications", number, "retry"}), body);
    show_done(session, sent, "delivery " + number + " is " + member_text(sent, "status"));
    return exit_codes::done;
}

int
show_pool(const Session &session)
{
    show_list(session, session.client.get(api_path({"pool"})), "pool",
              {pool_columns, "the pool is empty"});
    return exit_codes::done;
}

int
show_exposures(const Session &session)
{
    const std::string path =
        session.line.operands.empty()
            ? api_path({"exposures"})
            : api_path(
                  {"databases", database_named(session.client, session.operand(0)), "exposures"});
    show_list(session, session.client.get(path), "exposures",
              {exposure_columns, "nothing is open that should not be"});
    return exit_codes::done;
}

int
show_audit(const Session &session)
{
    const std::string id =
        session.line.operands.empty() ? "" : database_named(session.client, session.operand(0));
    std::string after = session.option("after");
    if (!after.empty())
        checked_number(after, "--after");
    for (bool first = true;; first = false) {
        const Json page = session.client.get(
            api_path({"audit"}) + query_of({{"db_id", id}, {"after", after}, {"limit", "1000"}}));
        const json_t *rows = json_object_get(page.get(), "audit");
        if (json_array_size(rows) > 0)
            print_rows(session, rows);
        after = member_text(page, "next_after");
        const bool more = json_array_size(rows) == 1000;
        if (!more && !session.is_on("follow")) {
            if (first && json_array_size(rows) == 0)
                session.terminal.note("the audit has no such rows");
            return exit_codes::done;
        }
        if (!more)
            std::this_thread::sleep_for(follow_pause);
    }
}

int
show_status(const Session &session)
{
    Json ready(nullptr);
    try {
        ready = session.client.get("/readyz");
    } catch (const Refusal &refusal) {
        ready = parse_json(refusal.document);
        if (!ready || json_object_get(ready.get(), "reasons") == nullptr)
            throw;
    }
    const bool is_ready = json_is_true(json_object_get(ready.get(), "ready"));
    if (session.json())
        print_json(session, ready);
    else
        session.terminal.print(session.client.where() + " is " +
                               (is_ready ? "ready" : "not ready: ") +
                               (is_ready ? "" : member_text(ready, "reasons")) + "\n");
    return is_ready ? exit_codes::done : exit_codes::unreachable;
}

} // namespace sidecar::cli::verbs
