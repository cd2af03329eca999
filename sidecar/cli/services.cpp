// The verbs of services' users. SERVICE/HOST names one.
#include <set>

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

constexpr Column service_columns[] = {
    {"SERVICE", "service_id"}, {"HOST", "host_id"},       {"LOGIN", "username"},
    {"ACCESS", "access"},      {"STATE", "state", 2},     {"DELIVERY", "status"},
    {"ERROR", "error", 3},     {"MADE", "created_at", 4},
};

constexpr Column change_columns[] = {
    {"SERVICE", "service_id"}, {"HOST", "host_id"}, {"LOGIN", "username"}, {"ACTION", "action"}};

struct Service {
    std::string service;
    std::string host;
    std::string access; // "": as by default
};

Service
service_in(const std::string &text)
{
    const std::size_t equals = std::min(text.find('='), text.size());
    const std::string name = text.substr(0, equals);
    const std::size_t slash = name.find('/');
    if (slash == std::string::npos || slash == 0 || slash + 1 == name.size())
        refuse("a service is named SERVICE/HOST, such as worker/host-1");
    return {name.substr(0, slash), name.substr(slash + 1),
            equals == text.size() ? "" : text.substr(equals + 1)};
}

// Users that would be dropped, because nobody names their service.
std::string
dropped_by(const Session &session, const std::string &id, const std::set<std::string> &named)
{
    const Json there = session.client.get(api_path({"databases", id, "services"}));
    std::string dropped;
    std::size_t index = 0;
    const json_t *one = nullptr;
    json_array_foreach(json_object_get(there.get(), "services"), index, one)
    {
        const std::string name = value_text(json_object_get(one, "service_id")) + "/" +
                                 value_text(json_object_get(one, "host_id"));
        if (!named.contains(name))
            dropped += (dropped.empty() ? "" : ", ") + name;
    }
    return dropped;
}

} // namespace

int
list_services(const Session &session)
{
    const std::string id = database_named(session.client, session.operand(0));
    show_list(session, session.client.get(api_path({"databases", id, "services"})), "services",
              {service_columns, "no service has a user"});
    return exit_codes::done;
}

int
set_services(const Session &session)
{
    const std::string id = database_named(session.client, session.operand(0));
    Json list(json_array());
    std::set<std::string> named;
    for (std::size_t at = 1; at < session.line.operands.size(); at++) {
        const Service service = service_in(session.operand(at));
        named.insert(service.service + "/" + service.host);
        Json one(json_object());
        put_text(one, "service_id", service.service);
        put_text(one, "host_id", service.host);
        put_text(one, "access", service.access);
        json_array_append_new(list.get(), one.release());
    }
    const std::string dropped = dropped_by(session, id, named);
    if (!dropped.empty() && !may_destroy(session, "Drop the users of " + dropped + "?"))
        return exit_codes::refused;
    const json_int_t last = last_publication(session, id);
    const Json body(json_object());
    json_object_set_new(body.get(), "services", list.release());
    show_list(session, session.client.call("PUT", api_path({"databases", id, "services"}), body),
              "services", {change_columns, "no service has a user"});
    return wait_for_delivery(session, id, last);
}

int
rotate_service(const Session &session)
{
    const std::string id = database_named(session.client, session.operand(0));
    const Service service = service_in(session.operand(1));
    const Json body(json_object());
    put_text(body, "grace", session.option("grace"));
    put_text(body, "deadline", session.option("deadline"));
    return hand_over(
        session, id, "POST",
        api_path({"databases", id, "services", service.service, service.host, "rotate"}), body);
}

} // namespace sidecar::cli::verbs
