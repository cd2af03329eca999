// The REST API as a table: what each route is for, who may use it, which fields it reads, how it
// can be answered, and the use case behind it. Requests are matched against it, the OpenAPI
// document is made of it, and metrics count by it.
#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "platform/bucket_run.hpp"
#include "platform/fields.hpp"
#include "platform/message.hpp"
#include "platform/use_cases.hpp"

namespace sidecar
{

enum class Audience { everyone, users, admins };

// What answers a route: a use case, or a part of the sidecar itself.
enum class Handler { use_case, openapi, health, readiness, metrics, mcp };

// What a use case gets of a request.
struct Call {
    Caller caller;
    std::vector<std::string> names; // that stand in the path: a database's or an app's id first
    Input input;                    // of the body, or of the query string
    const StoreDoor &store;

    const std::string &
    id() const
    {
        return names.front();
    }
};

struct Route {
    const char *method;
    const char *path; // {db_id} or {app_id}, for example, stands for one segment
    const char *operation;
    const char *summary;
    Audience access;
    bool has_body; // the fields are the body's, else the query string's
    Fieldset fields;
    int success;
    const char *result; // the schema of the answer, in the OpenAPI document
    bool slow;
    Handler handler;
    use_cases::Answer (*run)(Database &, const Call &) = nullptr; // the use case
    // The use case where it may take a while: a bucket's.
    use_cases::BucketRun (*begin)(Database &, const Call &) = nullptr;

    // Whether a guest may use it.
    bool
    is_of_buckets() const
    {
        return std::string_view(path).starts_with("/api/app-infra/buckets");
    }

    // Whether a key may say which repetition of the request it is.
    bool
    takes_key() const
    {
        return std::any_of(fields.begin(), fields.end(), [](const FieldRule &field) {
            return std::string_view(field.name) == "idempotency_key";
        });
    }

    // What its path names: "db_id" for example.
    std::vector<std::string_view> names() const;
};

std::span<const Route> routes();

// A request's target, taken apart. Throws a Problem when it cannot be.
struct Target {
    std::vector<std::string> segments;
    std::vector<std::pair<std::string, std::string>> query;
};
Target target_of(std::string_view target);

// The route of a request, and what stands for the names of its path. Throws not_found, or 405 whose
// hint lists the methods.
struct Match {
    const Route *route;
    std::vector<std::string> names;
};
Match find_route(std::string_view method, const Target &target);

// The OpenAPI 3.1 document of all routes.
std::string openapi_document();

} // namespace sidecar
