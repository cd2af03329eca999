// The OpenAPI document: made of the route table (routes.hpp) and the schemas of the answers, which
// are here.
#include "rest/routes.hpp"

#include <utility>

#include "platform/statuses.hpp"

namespace sidecar
{
namespace
{

// clang-format off
constexpr const char *answers = R"json({
 "Problem": {"type": "object", "required": ["type", "title", "status"], "properties": {
   "type": {"type": "string"},
   "title": {"type": "string", "description": "a stable code, such as not_found or refused"},
   "status": {"type": "integer"}, "detail": {"type": "string"}, "hint": {"type": "string"},
   "sqlstate": {"type": "string", "description": "where PostgreSQL refused"}}},
 "Connection": {"type": "object", "required": ["host", "port", "database", "username"], "properties": {
   "host": {"type": "string"}, "port": {"type": "integer"}, "database": {"type": "string"},
   "username": {"type": "string"},
   "password": {"type": "string", "description": "in this answer only"},
   "url": {"type": "string", "description": "in this answer only"}}},
 "Provisioned": {"type": "object", "required": ["db_id", "status", "connection"], "properties": {
   "db_id": {"type": "string"}, "status": {"$ref": "#/components/schemas/Status"},
   "connection": {"$ref": "#/components/schemas/Connection"},
   "env_keys": {"type": "array", "items": {"type": "string"}},
   "env": {"type": "object", "additionalProperties": {"type": "string"},
           "description": "every variable, when there are several and they are not published"}}},
 "Database": {"type": "object",
   "required": ["db_id", "app_id", "engine", "shape", "shared_host", "database", "username", "host", "port", "status", "notes", "created_at"],
   "properties": {
   "db_id": {"type": "string"}, "app_id": {"type": "string"}, "owner_user_id": {"type": "string"},
   "slug": {"type": "string"}, "engine": {"type": "string"}, "shape": {"type": "string"},
   "shared_host": {"type": "string"}, "database": {"type": "string"},
   "username": {"type": ["string", "null"]}, "host": {"type": "string"}, "port": {"type": "integer"},
   "status": {"$ref": "#/components/schemas/Status"}, "notes": {"type": ["string", "null"]},
   "env_keys": {"type": "array", "items": {"type": "string"}},
   "created_at": {"type": "string", "format": "date-time"}}},
 "DatabaseList": {"type": "object", "required": ["databases"], "properties": {
   "databases": {"type": "array", "items": {"$ref": "#/components/schemas/Database"}},
   "next_cursor": {"type": "string", "description": "there are more"}}},
 "App": {"type": "object", "required": ["app_id", "owner_user_id", "slug", "databases", "created_at"],
   "properties": {
   "app_id": {"type": "string"}, "owner_user_id": {"type": "string"},
   "slug": {"type": ["string", "null"], "description": "the default one of its databases"},
   "databases": {"type": "integer", "description": "how many it has that are not dropped"},
   "created_at": {"type": "string", "format": "date-time"}}},
 "AppList": {"type": "object", "required": ["apps"], "properties": {
   "apps": {"type": "array", "items": {"$ref": "#/components/schemas/App"}},
   "next_cursor": {"type": "string", "description": "there are more"}}},
 "Revoked": {"type": "object", "required": ["revoked"], "properties": {"revoked": {"type": "integer"}}},
 "Removed": {"type": "object", "required": ["db_id", "status"], "properties": {
   "db_id": {"type": "string"}, "status": {"$ref": "#/components/schemas/Status"},
   "restorable_until": {"type": ["string", "null"], "format": "date-time"}}},
 "Exposures": {"type": "object", "required": ["exposures"], "properties": {
   "exposures": {"type": "array", "items": {"type": "object"}}}},
 "Audit": {"type": "object", "required": ["audit", "next_after"], "properties": {
   "audit": {"type": "array", "items": {"type": "object"}}, "next_after": {"type": "integer"}}},
 "Health": {"type": "object", "properties": {"status": {"type": "string"}}},
 "Readiness": {"type": "object", "properties": {"ready": {"type": "boolean"},
   "reasons": {"type": "array", "items": {"type": "string"}}}},
 "OpenApi": {"type": "object"},
 "Mcp": {"type": "object", "description": "a JSON-RPC 2.0 response"}
})json";
// clang-format on

// Puts a document under a name into another.
void
put(const Json &into, const char *name, Json value)
{
    json_object_set_new(into.get(), name, value.release());
}

void
append(const Json &list, Json value)
{
    json_array_append_new(list.get(), value.release());
}

Json
content(const char *type, const char *schema)
{
    return pack("{s:{s:{s:o}}}", type, "schema", "$ref",
                json_sprintf("#/components/schemas/%s", schema));
}

Json
response(const char *description, Json content)
{
    return pack("{s:s, s:o}", "description", description, "content", content.release());
}

// The answers a route can give besides success.
Json
responses_of(const Route &route)
{
    Json responses(json_object());
    Json body = route.handler == Handler::metrics
                    ? pack("{s:{s:{s:s}}}", "text/plain", "schema", "type", "string")
                    : content("application/json", route.result);
    put(responses, std::to_string(route.success).c_str(), response("as asked", std::move(body)));
    const auto add = [&](const char *code, const char *description) {
        put(responses, code, response(description, content("application/problem+json", "Problem")));
    };
    if (route.creates())
        put(responses, "200",
            response("a repetition: the same database, no password",
                     content("application/json", route.result)));
    if (route.handler == Handler::readiness)
        put(responses, "503", response("not ready", content("application/json", route.result)));
    if (route.access == Access::everyone)
        return responses;
    add("400", "invalid_request, invalid_json or invalid_field");
    add("401", "unauthenticated");
    add("403", "forbidden");
    add("404", "not_found: nothing there, or another user's");
    add("429", "rate_limited; Retry-After says when");
    add("503", "pool_exhausted or database_unavailable; Retry-After says when");
    if (route.has_body) {
        add("413", "the body is larger than 1 MiB");
        add("415", "the body is not application/json");
        add("409", "conflict");
    }
    add("422", "refused: the extension's own refusal, with its detail and hint");
    return responses;
}

Json
parameters_of(const Route &route)
{
    Json parameters(json_array());
    if (!route.names().empty())
        append(parameters,
               pack("{s:o, s:s, s:b, s:{s:s, s:s}}", "name", json_of(route.names()).release(), "in",
                    "path", "required", 1, "schema", "type", "string", "pattern",
                    route.names() == "db_id" ? "^db-[0-9a-f]{12}$" : "^[!-~]{1,128}$"));
    if (route.creates())
        append(parameters, pack("{s:s, s:s, s:b, s:{s:s}, s:s}", "name", "Idempotency-Key", "in",
                                "header", "required", 0, "schema", "type", "string", "description",
                                "stands for idempotency_key in the body"));
    if (route.has_body)
        return parameters;
    for (const FieldRule &field : route.fields)
        append(parameters, pack("{s:s, s:s, s:b, s:s, s:{s:s}}", "name", field.name, "in", "query",
                                "required", static_cast<int>(field.required), "description",
                                field.about, "schema", "type", "string"));
    return parameters;
}

Json
operation_of(const Route &route)
{
    Json operation = pack("{s:s, s:s, s:o, s:o}", "operationId", route.operation, "summary",
                          route.summary, "parameters", parameters_of(route).release(), "responses",
                          responses_of(route).release());
    if (route.has_body) {
        Json schema = route.handler == Handler::mcp ? pack("{s:s}", "type", "object")
                                                    : schema_of(route.fields);
        put(operation, "requestBody",
            pack("{s:{s:{s:o}}}", "content", "application/json", "schema", schema.release()));
    }
    if (route.access == Access::everyone)
        put(operation, "security", Json(json_array()));
    return operation;
}

// The schemas of the answers.
Json
schemas()
{
    Json schemas = parse_json(answers);
    const Json statuses(json_array());
    for (const char *status : database_statuses)
        append(statuses, json_of(status));
    put(schemas, "Status", pack("{s:s, s:O}", "type", "string", "enum", statuses.get()));
    return schemas;
}

// Every path with its methods.
Json
paths()
{
    Json paths(json_object());
    for (const Route &route : routes()) {
        if (json_object_get(paths.get(), route.path) == nullptr)
            put(paths, route.path, Json(json_object()));
        std::string method(route.method);
        for (char &c : method)
            c = static_cast<char>(c | 0x20);
        json_object_set_new(json_object_get(paths.get(), route.path), method.c_str(),
                            operation_of(route).release());
    }
    return paths;
}

} // namespace

std::string
openapi_document()
{
    return json_text(pack(
        "{s:s, s:{s:s, s:s, s:s}, s:o, s:{s:o, s:{s:{s:s, s:s, s:s}}}, s:[{s:[]}]}", "openapi",
        "3.1.0", "info", "title", "appinfra", "version", APPINFRA_VERSION, "description",
        "Managed databases: provision, rotate, revoke, restore, remove.", "paths",
        paths().release(), "components", "schemas", schemas().release(), "securitySchemes",
        "bearer", "type", "http", "scheme", "bearer", "bearerFormat", "JWT", "security", "bearer"));
}

} // namespace sidecar
