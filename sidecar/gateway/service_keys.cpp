// What a key can have done with keys of its workspace, and what it is told of itself. Part of
// service.hpp.
#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include "base/json.hpp"
#include "gateway/build.hpp"
#include "gateway/json_text.hpp"
#include "gateway/service.hpp"
#include "platform/problem.hpp"

namespace sidecar::gateway
{
namespace
{

constexpr const char *shown_once = "The token is shown this once; only its hash is kept.";

// What the registry's refusal of a function about keys means to the caller.
Problem
refusal_of(const SqlError &error)
{
    struct Row {
        const char *sqlstate;
        int status;
        const char *title;
    };
    static constexpr std::array rows = {
        Row{"28000", 401, "key_inactive"},       Row{"42501", 403, "permission_denied"},
        Row{"55000", 403, "workspace_inactive"}, Row{"42704", 404, "not_found"},
        Row{"22023", 400, "invalid_field"},      Row{"22004", 400, "invalid_field"},
        Row{"22007", 400, "invalid_field"},      Row{"22008", 400, "invalid_field"},
        Row{"22P02", 400, "invalid_field"},      Row{"53400", 409, "conflict"},
        Row{"42710", 409, "conflict"},
    };
    for (const Row &row : rows)
        if (error.sqlstate == row.sqlstate) {
            Problem problem(row.status, row.title,
                            error.message + (error.detail.empty() ? "" : "\n" + error.detail));
            problem.hint = error.hint;
            problem.sqlstate = error.sqlstate;
            return problem;
        }
    return unavailable("database_unavailable", "the control database refused: " + error.message);
}

// A member of a request, as text; nothing when it is not there or null.
std::optional<std::string>
text_member(JsonView object, const char *name)
{
    const auto member = object.member(name);
    if (!member || member->kind() == JsonView::Kind::null)
        return std::nullopt;
    auto text = member->kind() == JsonView::Kind::string ? member->text() : std::nullopt;
    if (!text || text->find('\0') != std::string::npos)
        throw invalid_field("the field " + std::string(name) + " must be a string");
    return text;
}

// Whether a workspace_id, in any case, or a db_id is that of the key.
bool
is_workspace_of(const Key &key, const std::string &named)
{
    return named == key.db_id ||
           std::equal(
               named.begin(), named.end(), key.workspace_id.begin(), key.workspace_id.end(),
               [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; });
}

void
append_member(std::string &out, const char *name, std::string_view text)
{
    out.append(out.size() > 1 ? ",\"" : "\"").append(name).append("\":");
    append_json_string(out, text);
}

Response
minted_response(int status, const Rows &rows)
{
    Response response;
    response.status = status;
    response.secret = true;
    response.body = "{";
    append_member(response.body, "new_key_id", text_at(rows, 0, 0));
    append_member(response.body, "token", text_at(rows, 0, 1));
    append_member(response.body, "notice", shown_once);
    response.body += "}";
    return response;
}

} // namespace

asio::awaitable<Rows>
Service::ask_about_keys(const Caller &caller, const char *sql, Parameters values)
{
    std::optional<Problem> refused;
    try {
        co_return co_await registry_.keys(sql, std::move(values));
    } catch (const ControlRefused &error) {
        refused = refusal_of(error.error);
    }
    tell_refusal(*refused, caller.key.id, caller.address);
    throw *refused;
}

asio::awaitable<Response>
Service::mint_key(const Caller &caller, const std::string &body, const Once &once)
{
    const JsonView object = read_object(body);
    const auto role = text_member(object, "pg_role");
    if (!role)
        throw invalid_field("the field pg_role is missing");
    const auto workspace = text_member(object, "workspace_id");
    if (workspace && !is_workspace_of(caller.key, *workspace)) {
        const Problem problem(403, "permission_denied",
                              "a key mints keys of its own workspace only");
        tell_refusal(problem, caller.key.id, caller.address);
        throw problem;
    }
    Parameters values = {caller.key.id,
                         role,
                         text_member(object, "name"),
                         text_member(object, "env"),
                         text_member(object, "valid_for"),
                         once.key};
    const Rows rows = co_await ask_about_keys(
        caller,
        "SELECT key_id, token FROM appinfra.gateway_mint_key($1, $2, $3, $4, $5::interval, $6)",
        std::move(values));
    co_return minted_response(201, rows);
}

asio::awaitable<Response>
Service::rotate_key(const Caller &caller, const std::string &body)
{
    const JsonView object = read_object(body.empty() ? std::string_view("{}") : body);
    Parameters values = {caller.key.id,
                         text_member(object, "overlap").value_or(settings_.rotate_overlap)};
    const Rows rows = co_await ask_about_keys(
        caller, "SELECT key_id, token FROM appinfra.gateway_rotate_key($1, $2::interval)",
        std::move(values));
    co_return minted_response(200, rows);
}

asio::awaitable<Response>
Service::list_keys(const Caller &caller)
{
    Parameters values = {caller.key.id};
    const Rows rows = co_await ask_about_keys(
        caller,
        "SELECT json_build_object('keys', coalesce(json_agg(json_build_object("
        " 'key_id', key_id, 'role', role, 'env', env, 'name', name, 'status', status,"
        " 'created_at', " INSTANT("created_at") ", 'expires_at', " INSTANT(
            "expires_at") ","
                          " 'last_used_at', " INSTANT(
                              "last_used_at") ","
                                              " 'replaces', replaces) ORDER BY created_at, "
                                              "key_id), '[]'))"
                                              " FROM appinfra.gateway_list_keys($1)",
        std::move(values));
    Response response;
    response.body = std::string(text_at(rows, 0, 0));
    co_return response;
}

asio::awaitable<Response>
Service::revoke_key(const Caller &caller, const std::string &key_id)
{
    Parameters values = {caller.key.id, key_id};
    co_await ask_about_keys(caller, "SELECT appinfra.gateway_revoke_key($1, $2)",
                            std::move(values));
    sessions_.close_idle_of(key_id);
    Response response;
    response.body = "{";
    append_member(response.body, "key_id", key_id);
    append_member(response.body, "status", "revoked");
    response.body += "}";
    co_return response;
}

Response
Service::describe(const Caller &caller) const
{
    Response response;
    std::string &body = response.body;
    body = "{";
    append_member(body, "workspace_id", caller.key.workspace_id);
    append_member(body, "key_id", caller.key.id);
    append_member(body, "role", caller.key.role);
    append_member(body, "env", caller.key.env);
    body.append(R"(,"server":)").append(build_json());
    append_member(body, "db_id", caller.key.db_id);
    const auto add = [&](const char *name, const std::string &text) {
        if (text.empty())
            body.append(",\"").append(name).append("\":null");
        else
            append_member(body, name, text);
    };
    add("name", caller.key.name);
    add("expires_at", caller.key.expires_at);
    body += "}";
    return response;
}

} // namespace sidecar::gateway
