// See api.hpp.
#include "rest/api.hpp"

#include <chrono>
#include <utility>

#include "base/text.hpp"
#include "platform/error_table.hpp"
#include "rest/bucket_call.hpp"

namespace sidecar
{
namespace
{

constexpr std::string_view bearer = "bearer ";

bool
starts_with_word(std::string_view text, std::string_view lower_case)
{
    if (text.size() < lower_case.size())
        return false;
    for (std::size_t i = 0; i < lower_case.size(); i++)
        if ((text[i] | 0x20) != (lower_case[i] | 0x20))
            return false;
    return true;
}

constexpr Duration patience = std::chrono::seconds(2); // of who asks without a token

std::variant<Response, Task, Look>
reply_of(TaskResult result)
{
    if (auto *response = std::get_if<Response>(&result))
        return std::move(*response);
    return std::get<Task>(std::move(result));
}

// An account of this machine as a user. No token and no header may name one.
constexpr std::string_view account_prefix = "unix:";

bool
is_account(std::string_view user)
{
    return user.starts_with(account_prefix);
}

} // namespace

Api::Api(ApiSettings settings, const Clock &clock, Metrics &metrics, Mcp &mcp,
         const ServiceStatus &status)
    : settings_(std::move(settings)), clock_(clock), metrics_(metrics), mcp_(mcp),
      readiness_(clock, status), limit_(settings_.rate, settings_.burst),
      openapi_(openapi_document())
{
}

Api::Admission
Api::admit(const Request &request)
{
    // Whoever may say who asks without a token may say it through somebody's browser.
    if (settings_.trust_loopback) {
        check_host(settings_.names, request);
        check_origin(settings_.names, request, false);
    }
    Admission admission{{nullptr, {}}, target_of(request.target), {}};
    admission.match = find_route(request.method, admission.target);
    const Route &route = *admission.match.route;
    if (route.access == Audience::everyone)
        return admission;
    admission.caller = authenticate(request, route);
    limit(admission.caller, request);
    if (route.access == Audience::admins && !admission.caller.admin)
        throw Problem(403, "forbidden", "this needs the scope " + std::string(admin_scope));
    if (route.handler == Handler::mcp)
        check_origin(settings_.names, request, true);
    return admission;
}

// Takes the request from what the caller may make: a guest, who may call himself anything, also
// from what his address may.
void
Api::limit(const Caller &caller, const Request &request)
{
    int wait = limit_.take(caller.user, clock_.now());
    if (wait == 0 && caller.guest)
        wait = limit_.take("address " + request.address, clock_.now());
    if (wait == 0)
        return;
    Problem problem(429, "rate_limited", "too many requests of this user");
    problem.retry_after = wait;
    throw problem;
}

Caller
Api::authenticate(const Request &request, const Route &route) const
{
    if (!request.account.empty())
        return {std::string(account_prefix) + request.account, true};
    const std::string_view header = request.header("authorization");
    if (header.empty() && settings_.trust_loopback && request.local) {
        const std::string user(request.header("x-user-email"));
        if (is_user(user) && clean_text(user) == user && !is_guest(user) && !is_account(user))
            return {user, false, {}, settings_.open_apps};
    }
    if (header.empty() && route.is_of_buckets())
        if (auto guest = guest_of(settings_.guests, request))
            return *guest;
    if (header.empty() || settings_.tokens.keys.empty())
        throw Problem(401, "unauthenticated", "a bearer token is needed");
    if (!starts_with_word(header, bearer))
        throw Problem(401, "unauthenticated", "the authorization must be of the scheme Bearer");
    Caller caller = verify_token(settings_.tokens, header.substr(bearer.size()), clock_.wall());
    if (is_guest(caller.user) || is_account(caller.user))
        throw Problem(401, "unauthenticated",
                      "the token names a guest, or an account of the machine");
    caller.may_found = settings_.open_apps;
    return caller;
}

Api::Reply
Api::answer(const Admission &admission, const Request &request)
{
    const Route &route = *admission.match.route;
    if (route.handler == Handler::mcp) {
        if (!has_json(request))
            throw Problem(415, "unsupported_media_type", "the body must be application/json");
        return reply_of(mcp_.answer(
            request.body, admission.caller,
            {request.header("mcp-session-id"), request.header("mcp-protocol-version")}));
    }
    if (route.handler != Handler::use_case)
        return answer_open(route);
    return task_of(route, std::make_shared<const Call>(
                              Call{admission.caller, admission.match.names,
                                   input_of(route, admission.target, request), settings_.store}));
}

// The task that runs a route's use case.
Task
Api::task_of(const Route &route, std::shared_ptr<const Call> call) const
{
    if (route.begin != nullptr)
        return start_bucket_call(route, std::move(call), clock_, settings_.publish_wait);
    return {[&route, call](Database &database) -> TaskResult {
                return response_to(route, answering_by(use_case_errors,
                                                       [&] { return route.run(database, *call); }));
            },
            route.slow, Duration(0)};
}

Input
Api::input_of(const Route &route, const Target &target, const Request &request) const
{
    Input query(target.query, route.has_body ? Fieldset() : route.fields);
    if (!route.has_body) {
        if (!request.body.empty())
            throw invalid_field("this request takes no body");
        return query;
    }
    if (!request.body.empty() && !has_json(request))
        throw Problem(415, "unsupported_media_type", "the body must be application/json");
    Json object = parse_object(request.body.empty() ? "{}" : request.body);
    const std::string_view key = request.header("idempotency-key");
    if (!key.empty() && route.takes_key()) {
        const auto given = string_member(object, "idempotency_key");
        if (given && *given != key)
            throw invalid_field("the header Idempotency-Key and the field idempotency_key differ");
        Json text = json_of(key);
        if (!text)
            throw invalid_field("the header Idempotency-Key is not valid UTF-8");
        json_object_set_new(object.get(), "idempotency_key", text.release());
    }
    return Input(object.get(), route.fields);
}

Api::Reply
Api::answer_open(const Route &route)
{
    switch (route.handler) {
    case Handler::openapi:
        return Response{200, openapi_, "application/json", false, {}};
    case Handler::health:
        return Response{200, R"({"status":"ok"})", "application/json", false, {}};
    case Handler::readiness:
        return look(readiness_, false);
    default:
        return look(metrics_, true);
    }
}

// Answers by what is known, or says that somebody has to look first.
Api::Reply
Api::look(Snapshot &snapshot, bool slow)
{
    if (snapshot.fresh())
        return snapshot.response();
    return Look{Task{[&snapshot](Database &database) -> TaskResult {
                         snapshot.refresh(database);
                         return snapshot.response();
                     },
                     slow, Duration(0)},
                patience, [&snapshot] {
                    return snapshot.late();
                }};
}

} // namespace sidecar
