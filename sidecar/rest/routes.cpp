// See routes.hpp.
#include "rest/routes.hpp"

#include <algorithm>
#include <optional>

#include "base/text.hpp"
#include "platform/app_keys.hpp"
#include "platform/apps.hpp"
#include "platform/buckets.hpp"
#include "platform/credentials.hpp"
#include "platform/host.hpp"
#include "platform/insight.hpp"
#include "platform/problem.hpp"
#include "platform/services.hpp"
#include "platform/variables.hpp"

namespace sidecar
{
namespace
{

// clang-format off
constexpr Route all_routes[] = {
    {"POST", "/api/app-infra/databases", "provisionDatabase",
     "Provision a database for an app. The password is in this answer only.",
     Audience::users, true, use_cases::provision_fields, 201, "Provisioned", true,
     Handler::use_case, [](Database &d, const Call &c) { return use_cases::provision(d, c.caller, c.input); }},
    {"GET", "/api/app-infra/databases", "listDatabases",
     "List your databases, of one app or of all. Metadata only.",
     Audience::users, false, use_cases::list_fields, 200, "DatabaseList", false,
     Handler::use_case, [](Database &d, const Call &c) { return use_cases::list(d, c.caller, c.input); }},
    {"GET", "/api/app-infra/databases/{db_id}", "getDatabase",
     "The metadata of one database, without its password.",
     Audience::users, false, {}, 200, "Database", false,
     Handler::use_case, [](Database &d, const Call &c) { return use_cases::get(d, c.caller, c.id()); }},
    {"POST", "/api/app-infra/databases/{db_id}/rotate", "rotateCredential",
     "Make a new credential; the old one retires when the new one is in use.",
     Audience::users, true, use_cases::rotate_fields, 200, "Provisioned", false,
     Handler::use_case, [](Database &d, const Call &c) { return use_cases::rotate(d, c.caller, c.id(), c.input); }},
    {"POST", "/api/app-infra/databases/{db_id}/revoke", "revokeDatabase",
     "Revoke every credential. The data stays.",
     Audience::users, true, use_cases::revoke_fields, 200, "Revoked", false,
     Handler::use_case, [](Database &d, const Call &c) { return use_cases::revoke(d, c.caller, c.id(), c.input); }},
    {"POST", "/api/app-infra/databases/{db_id}/restore", "restoreDatabase",
     "Bring a revoked or removed database back, with new credentials.",
     Audience::users, true, use_cases::restore_fields, 200, "Provisioned", false,
     Handler::use_case, [](Database &d, const Call &c) { return use_cases::restore(d, c.caller, c.id(), c.input); }},
    {"DELETE", "/api/app-infra/databases/{db_id}", "removeDatabase",
     "Remove a database: it is kept out of reach, and dropped when retain is over.",
     Audience::users, false, use_cases::remove_fields, 202, "Removed", false,
     Handler::use_case, [](Database &d, const Call &c) { return use_cases::remove(d, c.caller, c.id(), c.input); }},
    {"GET", "/api/app-infra/databases/{db_id}/exposures", "listExposures",
     "What is open in a database, and how to close it.",
     Audience::users, false, {}, 200, "Exposures", true,
     Handler::use_case, [](Database &d, const Call &c) { return use_cases::exposures(d, c.caller, c.id()); }},
    {"PATCH", "/api/app-infra/databases/{db_id}", "alterDatabase",
     "Change the limits of a database; what is absent stays as it is.",
     Audience::users, true, use_cases::alter_fields, 200, "Database", false,
     Handler::use_case, [](Database &d, const Call &c) { return use_cases::alter(d, c.caller, c.id(), c.input); }},
    {"GET", "/api/app-infra/databases/{db_id}/variables", "listVariables",
     "Which variables of which environments carry a DSN or an API key of a database.",
     Audience::users, false, {}, 200, "VariableList", false,
     Handler::use_case, [](Database &d, const Call &c) { return use_cases::list_variables(d, c.caller, c.id()); }},
    {"PUT", "/api/app-infra/databases/{db_id}/variables", "bindVariables",
     "Give a database more variables: in its app, a container of it, or another app of its owner.",
     Audience::users, true, use_cases::bind_fields, 200, "Provisioned", false,
     Handler::use_case, [](Database &d, const Call &c) { return use_cases::bind_variables(d, c.caller, c.id(), c.input); }},
    {"DELETE", "/api/app-infra/databases/{db_id}/variables", "unbindVariables",
     "Revoke what is in these variables and take them away.",
     Audience::users, false, use_cases::unbind_fields, 200, "Unbound", false,
     Handler::use_case, [](Database &d, const Call &c) { return use_cases::unbind_variables(d, c.caller, c.id(), c.input); }},
    {"GET", "/api/app-infra/databases/{db_id}/credentials", "listCredentials",
     "The logins of a database and where they are in their life, without their passwords.",
     Audience::users, false, {}, 200, "CredentialList", false,
     Handler::use_case, [](Database &d, const Call &c) { return use_cases::list_credentials(d, c.caller, c.id()); }},
    {"POST", "/api/app-infra/databases/{db_id}/credentials", "issueCredential",
     "Make a credential for a person or a job. The password is in this answer only.",
     Audience::users, true, use_cases::credential_fields, 201, "Provisioned", false,
     Handler::use_case, [](Database &d, const Call &c) { return use_cases::issue_credential(d, c.caller, c.id(), c.input); }},
    {"DELETE", "/api/app-infra/databases/{db_id}/credentials/{username}", "revokeCredential",
     "Revoke a credential: no login any more, and its sessions are ended.",
     Audience::users, false, use_cases::credential_revocation_fields, 200, "Revoked", false,
     Handler::use_case, [](Database &d, const Call &c) { return use_cases::revoke_credential(d, c.caller, c.id(), c.names[1], c.input); }},
    {"GET", "/api/app-infra/databases/{db_id}/keys", "listKeys",
     "The API keys of a database, without their tokens.",
     Audience::users, false, {}, 200, "KeyList", false,
     Handler::use_case, [](Database &d, const Call &c) { return use_cases::list_keys(d, c.caller, c.id()); }},
    {"POST", "/api/app-infra/databases/{db_id}/keys", "addKey",
     "Mint an API key for SQL over HTTP. The token is in this answer only.",
     Audience::users, true, use_cases::key_fields, 201, "MintedKey", false,
     Handler::use_case, [](Database &d, const Call &c) { return use_cases::add_key(d, c.caller, c.id(), c.input); }},
    {"DELETE", "/api/app-infra/databases/{db_id}/keys/{key_id}", "revokeKey",
     "Revoke an API key: no call of it begins any more.",
     Audience::users, false, use_cases::key_revocation_fields, 200, "Revoked", false,
     Handler::use_case, [](Database &d, const Call &c) { return use_cases::revoke_key(d, c.caller, c.id(), c.names[1], c.input); }},
    {"GET", "/api/app-infra/databases/{db_id}/usage", "getUsage",
     "What a database uses, as it was measured last, and by day for a month.",
     Audience::users, false, {}, 200, "Usage", false,
     Handler::use_case, [](Database &d, const Call &c) { return use_cases::usage(d, c.caller, c.id()); }},
    {"GET", "/api/app-infra/databases/{db_id}/sessions", "listSessions",
     "The sessions of a database's logins, and what they run.",
     Audience::users, false, {}, 200, "SessionList", false,
     Handler::use_case, [](Database &d, const Call &c) { return use_cases::list_sessions(d, c.caller, c.id()); }},
    {"DELETE", "/api/app-infra/databases/{db_id}/sessions/{pid}", "endSession",
     "End a session, if it is still the one that began then.",
     Audience::users, false, use_cases::session_end_fields, 200, "SessionEnd", false,
     Handler::use_case, [](Database &d, const Call &c) { return use_cases::end_session(d, c.caller, c.id(), c.names[1], c.input); }},
    {"GET", "/api/app-infra/databases/{db_id}/statements", "listStatements",
     "The statements of a database that took most time, where the host counts them.",
     Audience::users, false, use_cases::statement_fields, 200, "StatementList", false,
     Handler::use_case, [](Database &d, const Call &c) { return use_cases::list_statements(d, c.caller, c.id(), c.input); }},
    {"GET", "/api/app-infra/databases/{db_id}/services", "listServices",
     "The users of services that a database has.",
     Audience::users, false, {}, 200, "ServiceList", false,
     Handler::use_case, [](Database &d, const Call &c) { return use_cases::list_services(d, c.caller, c.id()); }},
    {"POST", "/api/app-infra/databases/{db_id}/services", "createService",
     "Make the user of a service. The password is in this answer only.",
     Audience::users, true, use_cases::service_fields, 201, "Provisioned", false,
     Handler::use_case, [](Database &d, const Call &c) { return use_cases::create_service(d, c.caller, c.id(), c.input); }},
    {"PUT", "/api/app-infra/databases/{db_id}/services", "setServices",
     "Give a database the users of these services and no others; what is made is published.",
     Audience::users, true, use_cases::service_list_fields, 200, "ServiceChanges", false,
     Handler::use_case, [](Database &d, const Call &c) { return use_cases::set_services(d, c.caller, c.id(), c.input); }},
    {"POST", "/api/app-infra/databases/{db_id}/services/{service_id}/{host_id}/rotate", "rotateService",
     "Make a new credential for a service; the old one retires when the new one is in use.",
     Audience::users, true, use_cases::service_rotation_fields, 200, "Provisioned", false,
     Handler::use_case,
     [](Database &d, const Call &c) { return use_cases::rotate_service(d, c.caller, c.id(), {c.names[1], c.names[2]}, c.input); }},
    {"DELETE", "/api/app-infra/databases/{db_id}/services/{service_id}/{host_id}", "dropService",
     "Revoke the user of a service and take its variables away.",
     Audience::users, false, {}, 200, "ServiceChange", false,
     Handler::use_case, [](Database &d, const Call &c) { return use_cases::drop_service(d, c.caller, c.id(), {c.names[1], c.names[2]}); }},
    {"GET", "/api/app-infra/databases/{db_id}/publications", "listPublications",
     "The deliveries of a database's variables, the newest first.",
     Audience::users, false, use_cases::publication_list_fields, 200, "PublicationList", false,
     Handler::use_case, [](Database &d, const Call &c) { return use_cases::list_publications(d, c.caller, c.id(), c.input); }},
    {"POST", "/api/app-infra/publications/{publication_id}/retry", "retryPublication",
     "Send a failed delivery once more.",
     Audience::users, true, {}, 200, "Publication", false,
     Handler::use_case, [](Database &d, const Call &c) { return use_cases::retry_publication(d, c.caller, c.id()); }},
    {"POST", "/api/app-infra/buckets", "provisionBucket",
     "Provision a bucket for an app. The secret is in this answer only.",
     Audience::users, true, use_cases::provision_bucket_fields, 201, "ProvisionedBucket", true,
     Handler::use_case, nullptr, [](Database &d, const Call &c) { return use_cases::provision_bucket(d, c.caller, c.input, c.store); }},
    {"GET", "/api/app-infra/buckets", "listBuckets",
     "List your buckets, of one app or of all. Metadata only.",
     Audience::users, false, use_cases::bucket_list_fields, 200, "BucketList", false,
     Handler::use_case, [](Database &d, const Call &c) { return use_cases::list_buckets(d, c.caller, c.input); }},
    {"GET", "/api/app-infra/buckets/{bucket_id}", "getBucket",
     "The metadata of one bucket, without its secret.",
     Audience::users, false, {}, 200, "Bucket", false,
     Handler::use_case, [](Database &d, const Call &c) { return use_cases::get_bucket(d, c.caller, c.id()); }},
    {"POST", "/api/app-infra/buckets/{bucket_id}/rotate", "rotateBucketKey",
     "Make a new key; the old one is removed when deadline is over.",
     Audience::users, true, use_cases::rotate_bucket_fields, 200, "ProvisionedBucket", true,
     Handler::use_case, nullptr, [](Database &d, const Call &c) { return use_cases::rotate_bucket(d, c.caller, c.id(), c.input, c.store); }},
    {"POST", "/api/app-infra/buckets/{bucket_id}/revoke", "revokeBucket",
     "Revoke every key. The objects stay. 202: the store has not said so yet.",
     Audience::users, true, use_cases::revoke_bucket_fields, 200, "Revoked", false,
     Handler::use_case, nullptr, [](Database &d, const Call &c) { return use_cases::revoke_bucket(d, c.caller, c.id(), c.input); }},
    {"POST", "/api/app-infra/buckets/{bucket_id}/restore", "restoreBucket",
     "Bring a revoked or removed bucket back, with a new key.",
     Audience::users, true, use_cases::restore_bucket_fields, 200, "ProvisionedBucket", true,
     Handler::use_case, nullptr, [](Database &d, const Call &c) { return use_cases::restore_bucket(d, c.caller, c.id(), c.input, c.store); }},
    {"DELETE", "/api/app-infra/buckets/{bucket_id}", "removeBucket",
     "Remove a bucket: it is kept out of reach, and its objects are removed when retain is over.",
     Audience::users, false, use_cases::remove_bucket_fields, 202, "RemovedBucket", false,
     Handler::use_case, [](Database &d, const Call &c) { return use_cases::remove_bucket(d, c.caller, c.id(), c.input); }},
    {"PATCH", "/api/app-infra/buckets/{bucket_id}", "alterBucket",
     "Change the quota of a bucket.",
     Audience::users, true, use_cases::alter_bucket_fields, 200, "Bucket", false,
     Handler::use_case, [](Database &d, const Call &c) { return use_cases::alter_bucket(d, c.caller, c.id(), c.input); }},
    {"GET", "/api/app-infra/apps", "listApps",
     "List apps and their owners, for administrators.",
     Audience::admins, false, use_cases::app_list_fields, 200, "AppList", false,
     Handler::use_case, [](Database &d, const Call &c) { return use_cases::list_apps(d, c.input); }},
    {"GET", "/api/app-infra/apps/{app_id}", "getApp",
     "Whose an app is, for administrators.",
     Audience::admins, false, {}, 200, "App", false,
     Handler::use_case, [](Database &d, const Call &c) { return use_cases::get_app(d, c.id()); }},
    {"PUT", "/api/app-infra/apps/{app_id}", "registerApp",
     "Say whose an app is, and the default slug of its databases; for administrators.",
     Audience::admins, true, use_cases::app_fields, 200, "App", false,
     Handler::use_case, [](Database &d, const Call &c) { return use_cases::register_app(d, c.caller, c.id(), c.input); }},
    {"DELETE", "/api/app-infra/apps/{app_id}", "unregisterApp",
     "Forget an app without databases, for administrators.",
     Audience::admins, false, {}, 200, "App", false,
     Handler::use_case, [](Database &d, const Call &c) { return use_cases::unregister_app(d, c.caller, c.id()); }},
    {"POST", "/api/app-infra/apps/{app_id}/transfer", "transferApp",
     "Give an app and its databases to another user, for administrators.",
     Audience::admins, true, use_cases::transfer_fields, 200, "App", false,
     Handler::use_case, [](Database &d, const Call &c) { return use_cases::transfer_app(d, c.caller, c.id(), c.input); }},
    {"GET", "/api/app-infra/pool", "listPool",
     "The databases that are ready to be claimed, and those being built; for administrators.",
     Audience::admins, false, {}, 200, "Pool", false,
     Handler::use_case, [](Database &d, const Call &) { return use_cases::list_pool(d); }},
    {"GET", "/api/app-infra/exposures", "listHostExposures",
     "What is open on the host and in every database, for administrators.",
     Audience::admins, false, {}, 200, "Exposures", true,
     Handler::use_case, [](Database &d, const Call &) { return use_cases::host_exposures(d); }},
    {"GET", "/api/app-infra/publications", "listAllPublications",
     "The deliveries of all databases, the newest first, for administrators.",
     Audience::admins, false, use_cases::all_publications_fields, 200, "PublicationList", false,
     Handler::use_case, [](Database &d, const Call &c) { return use_cases::list_all_publications(d, c.input); }},
    {"GET", "/api/app-infra/audit", "readAudit",
     "The audit log, oldest first, for administrators.",
     Audience::admins, false, use_cases::audit_fields, 200, "Audit", true,
     Handler::use_case, [](Database &d, const Call &c) { return use_cases::audit(d, c.input); }},
    {"GET", "/openapi.json", "getOpenApi", "This document.",
     Audience::everyone, false, {}, 200, "OpenApi", false, Handler::openapi},
    {"GET", "/healthz", "getHealth", "Whether the process serves.",
     Audience::everyone, false, {}, 200, "Health", false, Handler::health},
    {"GET", "/readyz", "getReadiness",
     "Whether it can do its work: 503 and the reasons when not.",
     Audience::everyone, false, {}, 200, "Readiness", false, Handler::readiness},
    {"GET", "/metrics", "getMetrics", "Metrics, as Prometheus text.",
     Audience::everyone, false, {}, 200, "Metrics", false, Handler::metrics},
    {"POST", "/mcp", "callMcp", "The Model Context Protocol, Streamable HTTP.",
     Audience::users, true, {}, 200, "Mcp", false, Handler::mcp},
};
// clang-format on

std::vector<std::string_view>
split(std::string_view text, char at)
{
    std::vector<std::string_view> parts;
    for (;;) {
        const std::size_t end = text.find(at);
        parts.push_back(text.substr(0, end));
        if (end == std::string_view::npos)
            return parts;
        text.remove_prefix(end + 1);
    }
}

// What stands in the places of {…} in a path that fits the pattern.
std::optional<std::vector<std::string>>
match(std::string_view pattern, const std::vector<std::string> &segments)
{
    const auto wanted = split(pattern.substr(1), '/');
    std::vector<std::string> names;
    if (wanted.size() != segments.size())
        return std::nullopt;
    for (std::size_t i = 0; i < wanted.size(); i++)
        if (wanted[i].starts_with('{'))
            names.push_back(segments[i]);
        else if (wanted[i] != segments[i])
            return std::nullopt;
    return names;
}

std::string
decode_form(std::string_view text)
{
    std::string plain(text);
    std::replace(plain.begin(), plain.end(), '+', ' ');
    return percent_decode(plain);
}

} // namespace

std::vector<std::string_view>
Route::names() const
{
    std::vector<std::string_view> names;
    for (const std::string_view segment : split(path, '/'))
        if (segment.starts_with('{'))
            names.push_back(segment.substr(1, segment.size() - 2));
    return names;
}

std::span<const Route>
routes()
{
    return all_routes;
}

Target
target_of(std::string_view target)
{
    Target parts;
    if (!target.starts_with('/'))
        throw Problem(400, "invalid_request", "the target must be a path");
    const std::size_t mark = target.find('?');
    for (const std::string_view segment : split(target.substr(1, mark - 1), '/'))
        parts.segments.push_back(percent_decode(segment));
    if (mark == std::string_view::npos || mark + 1 == target.size())
        return parts;
    for (const std::string_view pair : split(target.substr(mark + 1), '&')) {
        const std::size_t equals = std::min(pair.find('='), pair.size());
        parts.query.emplace_back(decode_form(pair.substr(0, equals)),
                                 decode_form(pair.substr(std::min(equals + 1, pair.size()))));
    }
    return parts;
}

Match
find_route(std::string_view method, const Target &target)
{
    std::string allowed;
    for (const Route &route : all_routes) {
        auto names = match(route.path, target.segments);
        if (!names)
            continue;
        if (method == route.method)
            return {&route, std::move(*names)};
        allowed += (allowed.empty() ? "" : ", ") + std::string(route.method);
    }
    if (allowed.empty())
        throw not_found("there is nothing at this path; /openapi.json lists what there is");
    Problem problem(405, "method_not_allowed", "this path takes other methods");
    problem.hint = allowed;
    throw problem;
}

} // namespace sidecar
