// See key_commands.hpp.
#include "gateway/key_commands.hpp"

#include <optional>
#include <utility>

#include "base/exit_code.hpp"
#include "base/failure.hpp"
#include "base/text.hpp"
#include "gateway/key_options.hpp"
#include "postgres/blocking_connection.hpp"

namespace sidecar::gateway
{
namespace
{

// Whether $1 names workspace d.
#define IS_NAMED "(d.db_id = $1 OR d.workspace_id::text = lower($1) OR d.slug = $1)"

constexpr const char *count_workspaces =
    "SELECT count(*) FROM appinfra.databases d WHERE d.status <> 'dropped' AND " IS_NAMED;

// The workspace is its own app, and whose login made it.
constexpr const char *provision =
    "SELECT db_id FROM appinfra.provision_tenant($1, session_user, $1, env => '{}')";

constexpr const char *mint = "SELECT key_id, token, expires_at"
                             " FROM appinfra.mint_key($1, $2, $3, $4, $5::interval)";

// Keys k of the workspace that $1 names, or of all.
#define LISTED                                                                                     \
    " FROM appinfra.keys k WHERE $1::text IS NULL OR EXISTS (SELECT FROM appinfra.databases d"     \
    " WHERE d.db_id = k.db_id AND d.status <> 'dropped' AND " IS_NAMED ")"

constexpr const char *list_document =
    "SELECT json_build_object('keys', coalesce(json_agg(k ORDER BY k.created_at, k.key_id),"
    " '[]'))" LISTED;

constexpr const char *list_rows =
    "SELECT k.key_id, k.db_id, k.role, k.env, k.status,"
    " coalesce(to_char(k.expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), '-'),"
    " coalesce(k.name, '-')" LISTED " ORDER BY k.created_at, k.key_id";

std::optional<std::string>
unless_empty(const std::string &text)
{
    return text.empty() ? std::nullopt : std::optional<std::string>(text);
}

// A database that does not let the login in is out of reach, whatever the server says.
BlockingConnection
connect(const KeyOptions &options)
{
    const Conninfo conninfo(options.database.reveal(), options.database_password.reveal(),
                            "read-write");
    try {
        return BlockingConnection(conninfo,
                                  {"SELECT pg_catalog.set_config(name, value, false) FROM (VALUES"
                                   " ('search_path', 'pg_catalog'), ('client_encoding', 'UTF8'),"
                                   " ('timezone', 'UTC'), ('datestyle', 'ISO')) s (name, value)"});
    } catch (const Failure &failure) {
        throw Failure(Failure::Kind::retry, failure.what());
    }
}

int
mint_key(const KeyOptions &options, const CommandIo &io)
{
    BlockingConnection connection = connect(options);
    std::string workspace = options.workspace;
    if (options.create && number_at(connection.query(count_workspaces, {workspace}), 0, 0) == 0)
        workspace = text_at(connection.query(provision, {workspace}), 0, 0);
    const Rows rows = connection.query(mint, {workspace, options.role, unless_empty(options.name),
                                              options.env, unless_empty(options.valid_for)});
    io.err << "key " << text_at(rows, 0, 0) << "; it is shown this once" << std::endl;
    io.out << text_at(rows, 0, 1) << std::endl;
    return io.out ? exit_code::done : exit_code::failed;
}

int
list_keys(const KeyOptions &options, const CommandIo &io)
{
    BlockingConnection connection = connect(options);
    const auto workspace = unless_empty(options.workspace);
    if (workspace && number_at(connection.query(count_workspaces, {*workspace}), 0, 0) == 0) {
        io.err << "appinfrad list-keys: there is no such workspace" << std::endl;
        return exit_code::failed;
    }
    const Rows rows = connection.query(options.json ? list_document : list_rows, {workspace});
    for (int row = 0; row < PQntuples(rows.get()); row++)
        for (int column = 0; column < PQnfields(rows.get()); column++)
            io.out << clean_text(std::string(text_at(rows, row, column)))
                   << (column + 1 < PQnfields(rows.get()) ? '\t' : '\n');
    io.out << std::flush;
    return io.out ? exit_code::done : exit_code::failed;
}

int
revoke_key(const KeyOptions &options, const CommandIo &io)
{
    BlockingConnection connection = connect(options);
    connection.query("SELECT appinfra.revoke_key($1, $2)",
                     {options.key_id, unless_empty(options.reason)});
    io.out << "revoked " << options.key_id << std::endl;
    return exit_code::done;
}

int
run(const std::string &command, const std::vector<std::string> &arguments, const CommandIo &io)
{
    const auto answer = read_key_options(command, arguments);
    if (const std::string *help = std::get_if<std::string>(&answer)) {
        io.out << *help << std::flush;
        return exit_code::done;
    }
    const KeyOptions &options = std::get<KeyOptions>(answer);
    if (command == "mint-key")
        return mint_key(options, io);
    return command == "list-keys" ? list_keys(options, io) : revoke_key(options, io);
}

int
exit_code_of(const Failure &failure)
{
    if (!failure.sqlstate().empty())
        return exit_code::failed;
    return failure.kind() == Failure::Kind::configuration ? exit_code::configuration
                                                          : exit_code::database;
}

} // namespace

bool
is_key_command(const std::string &command)
{
    return command == "mint-key" || command == "list-keys" || command == "revoke-key";
}

int
run_key_command(const std::string &command, const std::vector<std::string> &arguments,
                const CommandIo &io) noexcept
{
    try {
        return run(command, arguments, io);
    } catch (const Failure &failure) {
        io.err << "appinfrad " << command << ": " << clean_text(failure.what()) << std::endl;
        if (!failure.server().hint.empty())
            io.err << "hint: " << failure.server().hint << std::endl;
        return exit_code_of(failure);
    } catch (const std::exception &error) {
        io.err << "appinfrad " << command << ": " << clean_text(error.what()) << std::endl;
    }
    return exit_code::failed;
}

} // namespace sidecar::gateway
