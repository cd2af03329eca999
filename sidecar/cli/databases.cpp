// The verbs of databases: made, listed, shown, limited.
#include <algorithm>

#include "base/failure.hpp"
#include "cli/exit_codes.hpp"
#include "cli/handout.hpp"
#include "cli/names.hpp"
#include "cli/verbs.hpp"
#include "cli/wait.hpp"

namespace sidecar::cli::verbs
{
namespace
{

constexpr Column database_columns[] = {
    {"DATABASE", "db_id"},         {"APP", "app_id"},         {"SLUG", "slug", 2},
    {"NAME", "database", 3},       {"STATUS", "status"},      {"VARIABLES", "env_keys", 4},
    {"OWNER", "owner_user_id", 5}, {"MADE", "created_at", 6},
};

constexpr Column database_members[] = {
    {"database", "db_id"},  {"app", "app_id"},      {"owner", "owner_user_id"},
    {"slug", "slug"},       {"name", "database"},   {"host", "host"},
    {"port", "port"},       {"login", "username"},  {"status", "status"},
    {"notes", "notes"},     {"made", "created_at"}, {"expires", "expires_at"},
    {"size", "size_bytes"},
};

constexpr Column variable_columns[] = {
    {"VARIABLE", "variable"}, {"APP", "app_id"}, {"CONTAINER", "container", 2},
    {"ACCESS", "access"},     {"VIA", "via", 3}, {"VERSION", "version", 4},
};

// NAME=ACCESS of each --env, as REST takes it; null when there is none.
Json
env_of(const std::string &list)
{
    if (list.empty())
        return nullptr;
    Json env(json_object());
    std::size_t begin = 0;
    while (begin <= list.size()) {
        const std::size_t end = std::min(list.find(',', begin), list.size());
        const std::string pair = list.substr(begin, end - begin);
        const std::size_t equals = pair.find('=');
        if (equals == std::string::npos)
            refuse("--env wants NAME=ACCESS, such as DATABASE_URL=writer");
        put_text(env, pair.substr(0, equals).c_str(), pair.substr(equals + 1));
        begin = end + 1;
    }
    return env;
}

} // namespace

int
create_database(const Session &session)
{
    const bool publish = !session.is_on("no-publish");
    const Json body(json_object());
    put_text(body, "app_id", session.operand(0));
    put_text(body, "owner_user_id", session.option("owner"));
    put_text(body, "slug", session.option("slug"));
    put_text(body, "idempotency_key", session.option("idempotency-key"));
    put_flag(body, "publish", publish);
    if (Json env = env_of(session.option("env")))
        json_object_set_new(body.get(), "env", env.release());
    const Json made = session.client.call("POST", api_path({"databases"}), body);
    show_handed_out(session, made);
    return publish ? wait_for_delivery(session, member_text(made, "db_id"), 0) : exit_codes::done;
}

int
list_databases(const Session &session)
{
    const std::string path =
        api_path({"databases"}) + query_of({{"app_id", session.option("app")}});
    show_list(session, session.client.pages(path, "databases"), "databases",
              {database_columns, "there are no databases"});
    return exit_codes::done;
}

int
show_database(const Session &session)
{
    const std::string id = database_named(session.client, session.operand(0));
    const Json database = session.client.get(api_path({"databases", id}));
    const Json variables = session.client.get(api_path({"databases", id, "variables"}));
    const Json credentials = session.client.get(api_path({"databases", id, "credentials"}));
    if (session.json()) {
        json_object_update(database.get(), variables.get());
        json_object_update(database.get(), credentials.get());
        print_json(session, database);
        return exit_codes::done;
    }
    print_members(session.terminal, database_members, database.get());
    session.terminal.print("\n");
    show_list(session, variables, "variables", {variable_columns, "it is in no environment"});
    session.terminal.print("\n");
    show_credentials(session, credentials);
    return exit_codes::done;
}

int
limit_database(const Session &session)
{
    const Json body(json_object());
    const std::string &connections = session.option("connection-limit");
    if (!connections.empty()) {
        if (connections.size() > 9 ||
            connections.find_first_not_of("0123456789") != std::string::npos)
            refuse("--connection-limit wants a number");
        json_object_set_new(body.get(), "connection_limit", json_integer(std::stoi(connections)));
    }
    put_text(body, "statement_timeout", session.option("statement-timeout"));
    put_text(body, "idle_in_transaction_timeout", session.option("idle-timeout"));
    const std::string id = database_named(session.client, session.operand(0));
    show_members(session, session.client.call("PATCH", api_path({"databases", id}), body),
                 database_members);
    return exit_codes::done;
}

} // namespace sidecar::cli::verbs
