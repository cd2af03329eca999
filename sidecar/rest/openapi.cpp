// The OpenAPI document: made of the route table (routes.hpp) and the schemas of the answers
// (answer_schemas.hpp).
#include "rest/routes.hpp"

#include <utility>

#include "platform/statuses.hpp"
#include "rest/answer_schemas.hpp"

namespace sidecar
{
namespace
{

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
    if (route.takes_key())
        put(responses, "200",
            response("a repetition: the same one, no secret",
                     content("application/json", route.result)));
    if (std::string_view(route.operation) == "revokeBucket")
        put(responses, "202",
            response("the store has not said so yet", content("application/json", route.result)));
    if (route.handler == Handler::readiness)
        put(responses, "503", response("not ready", content("application/json", route.result)));
    add("400", "invalid_request, invalid_json or invalid_field");
    if (route.access == Audience::everyone)
        return responses;
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

// The schema of what stands for a name in a path.
Json
name_schema(std::string_view name)
{
    if (name == "db_id")
        return pack("{s:s, s:s}", "type", "string", "pattern", "^db-[0-9a-f]{12}$");
    if (name == "bucket_id")
        return pack("{s:s, s:s}", "type", "string", "pattern", "^buk-[0-9a-f]{13}$");
    if (name == "publication_id")
        return pack("{s:s, s:i}", "type", "integer", "minimum", 1);
    if (name == "app_id")
        return pack("{s:s, s:s}", "type", "string", "pattern", "^[!-~]{1,128}$");
    return pack("{s:s, s:i}", "type", "string", "minLength", 1);
}

Json
parameters_of(const Route &route)
{
    Json parameters(json_array());
    for (const std::string_view name : route.names())
        append(parameters, pack("{s:o, s:s, s:b, s:o}", "name", json_of(name).release(), "in",
                                "path", "required", 1, "schema", name_schema(name).release()));
    if (route.takes_key())
        append(parameters, pack("{s:s, s:s, s:b, s:{s:s}, s:s}", "name", "Idempotency-Key", "in",
                                "header", "required", 0, "schema", "type", "string", "description",
                                "stands for idempotency_key in the body"));
    if (route.has_body)
        return parameters;
    for (const FieldRule &field : route.fields)
        append(parameters, pack("{s:s, s:s, s:b, s:s, s:o}", "name", field.name, "in", "query",
                                "required", static_cast<int>(field.required), "description",
                                field.about, "schema", schema_of(field).release()));
    return parameters;
}

// What an operation is about: the last word of its path that is no name and no verb.
const char *
tag_of(const Route &route)
{
    const std::string_view path = route.path;
    if (route.handler != Handler::use_case)
        return route.handler == Handler::mcp ? "mcp" : "sidecar";
    for (const char *tag : {"buckets", "credentials", "keys", "services", "publications",
                            "variables", "apps", "audit"})
        if (path.find(std::string("/") + tag) != std::string_view::npos)
            return tag;
    return "databases";
}

Json
operation_of(const Route &route)
{
    Json operation =
        pack("{s:s, s:s, s:s, s:[s], s:o, s:o}", "operationId", route.operation, "summary",
             route.summary, "description", route.summary, "tags", tag_of(route), "parameters",
             parameters_of(route).release(), "responses", responses_of(route).release());
    if (route.has_body) {
        Json schema = route.handler == Handler::mcp ? pack("{s:s}", "type", "object")
                                                    : schema_of(route.fields);
        put(operation, "requestBody",
            pack("{s:{s:{s:o}}}", "content", "application/json", "schema", schema.release()));
    }
    if (route.access == Audience::everyone)
        put(operation, "security", Json(json_array()));
    return operation;
}

template <typename Names>
Json
enum_of(const Names &names)
{
    Json schema = pack("{s:s, s:[]}", "type", "string", "enum");
    for (const char *name : names)
        json_array_append_new(json_object_get(schema.get(), "enum"), json_string(name));
    return schema;
}

// The schemas of the answers.
Json
schemas()
{
    Json schemas = parse_json(answer_schemas);
    put(schemas, "Status", enum_of(database_statuses));
    put(schemas, "BucketStatus", enum_of(bucket_statuses));
    put(schemas, "PublicationStatus", enum_of(publication_statuses));
    return schemas;
}

// What the tags say.
Json
tags()
{
    return parse_json(R"json([
        {"name": "databases", "description": "Databases of apps."},
        {"name": "buckets", "description": "Buckets of apps at an object store."},
        {"name": "variables", "description": "Which variables of which environments carry a DSN or an API key."},
        {"name": "credentials", "description": "Logins of a database."},
        {"name": "keys", "description": "API keys, for SQL over HTTP."},
        {"name": "services", "description": "Logins of services beside the app."},
        {"name": "publications", "description": "Deliveries of variables to the app's environment."},
        {"name": "apps", "description": "Whose an app is."},
        {"name": "audit", "description": "Who did what."},
        {"name": "sidecar", "description": "The sidecar itself: health, metrics, this document."},
        {"name": "mcp", "description": "The same for agents."}])json");
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
    Json info = pack("{s:s, s:s, s:s, s:{s:s}, s:{s:s, s:s}}", "title", "appinfra", "version",
                     APPINFRA_VERSION, "description",
                     "Managed databases: provision, rotate, revoke, restore, remove.", "contact",
                     "name", "the appinfra developers", "license", "name", "PostgreSQL License",
                     "identifier", "PostgreSQL");
    Json components =
        pack("{s:o, s:{s:{s:s, s:s, s:s}}}", "schemas", schemas().release(), "securitySchemes",
             "bearer", "type", "http", "scheme", "bearer", "bearerFormat", "JWT");
    return json_text(pack("{s:s, s:o, s:[{s:s, s:s}], s:o, s:o, s:o, s:[{s:[]}]}", "openapi",
                          "3.1.0", "info", info.release(), "servers", "url", "/", "description",
                          "where this document is", "tags", tags().release(), "paths",
                          paths().release(), "components", components.release(), "security",
                          "bearer"));
}

} // namespace sidecar
