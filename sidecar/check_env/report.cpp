// See report.hpp.
#include "check_env/report.hpp"

#include <algorithm>

#include "base/json.hpp"
#include "base/text.hpp"
#include "check_env/presentable.hpp"

namespace sidecar
{
namespace
{

Json
string_of(std::string_view text)
{
    return json_of(clean_text(text));
}

void
put(const Json &object, const char *name, Json value)
{
    json_object_set_new(object.get(), name, value.release());
}

// A value of a line: as it is when it is one word, else as a JSON string.
std::string
word_of(const std::string &value)
{
    constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                       "0123456789._-/:,@*()";
    const bool one_word = !value.empty() && value.find_first_not_of(plain) == std::string::npos;
    return one_word ? value : json_text(string_of(value));
}

// "SERVICE: " before what belongs to a service.
std::string
prefix_of(const EnvReport &report)
{
    return report.service.empty() ? "" : clean_text(report.service) + ": ";
}

std::string
line_of(const CheckedDsn &checked)
{
    std::string hosts, ports;
    for (const DsnServer &server : checked.dsn.servers) {
        hosts += (hosts.empty() ? "" : ",") + presentable_host(server.name());
        ports += (ports.empty() ? "" : ",") + server.port;
    }
    return clean_text(checked.variable) + " user=" + word_of(presentable_name(checked.dsn.user)) +
           " host=" + word_of(hosts) + " port=" + word_of(ports) +
           " database=" + word_of(presentable_name(checked.dsn.database)) + "\n";
}

std::string
line_of(const GatewayAccess &gateway)
{
    return std::string(variable::api_key) + " key_id=" + gateway.key_id + " env=" + gateway.env +
           " url=" + word_of(gateway.url) + "\n";
}

std::string
line_of(const Finding &finding, const std::string &prefix)
{
    return std::string(finding.is_warning ? "warning" : "violation") + ": " + prefix +
           clean_text(finding.variable) + ": " + finding.rule + ": " + clean_text(finding.problem) +
           "; " + clean_text(finding.remedy) + "\n";
}

Json
json_of(const CheckedDsn &checked)
{
    Json servers(json_array());
    for (const DsnServer &server : checked.dsn.servers) {
        Json entry(json_object());
        put(entry, "host", string_of(presentable_host(server.host)));
        if (!server.address.empty())
            put(entry, "address", string_of(presentable_host(server.address)));
        put(entry, "port", string_of(server.port));
        json_array_append_new(servers.get(), entry.release());
    }
    Json object(json_object());
    put(object, "variable", string_of(checked.variable));
    put(object, "user", string_of(presentable_name(checked.dsn.user)));
    put(object, "servers", std::move(servers));
    put(object, "database", string_of(presentable_name(checked.dsn.database)));
    return object;
}

Json
json_of(const std::optional<GatewayAccess> &gateway)
{
    if (!gateway)
        return Json(json_null());
    Json object(json_object());
    put(object, "url", string_of(gateway->url));
    put(object, "key_id", string_of(gateway->key_id));
    put(object, "env", string_of(gateway->env));
    return object;
}

Json
json_of(const Finding &finding)
{
    Json object(json_object());
    put(object, "variable", string_of(finding.variable));
    put(object, "rule", string_of(finding.rule));
    put(object, "problem", string_of(finding.problem));
    put(object, "remedy", string_of(finding.remedy));
    return object;
}

} // namespace

int
EnvReport::exit_code() const
{
    if (!error.empty())
        return 2;
    return std::all_of(checked.findings.begin(), checked.findings.end(),
                       [](const Finding &finding) { return finding.is_warning; })
               ? 0
               : 1;
}

std::string
text_of(const EnvReport &report)
{
    std::string text;
    if (report.exit_code() == 0) {
        for (const CheckedDsn &checked : report.checked.dsns)
            text += prefix_of(report) + line_of(checked);
        if (report.checked.gateway)
            text += prefix_of(report) + line_of(*report.checked.gateway);
    }
    for (const Finding &finding : report.checked.findings)
        text += line_of(finding, prefix_of(report));
    return text;
}

namespace
{

Json
object_of(const EnvReport &report)
{
    Json variables(json_array()), violations(json_array()), warnings(json_array());
    for (const CheckedDsn &checked : report.checked.dsns)
        json_array_append_new(variables.get(), json_of(checked).release());
    for (const Finding &finding : report.checked.findings)
        json_array_append_new((finding.is_warning ? warnings : violations).get(),
                              json_of(finding).release());
    Json object(json_object());
    put(object, "ok", Json(json_boolean(report.exit_code() == 0)));
    if (!report.service.empty())
        put(object, "service", string_of(report.service));
    put(object, "lane", string_of(lane_name(report.lane)));
    const std::string_view container = container_name(report.container);
    put(object, "container", container.empty() ? Json(json_null()) : string_of(container));
    put(object, "asked_server", Json(json_boolean(report.asked_server)));
    put(object, "variables", std::move(variables));
    put(object, "gateway", json_of(report.checked.gateway));
    put(object, "violations", std::move(violations));
    put(object, "warnings", std::move(warnings));
    put(object, "error", report.error.empty() ? Json(json_null()) : string_of(report.error));
    return object;
}

} // namespace

std::string
json_of(const EnvReport &report)
{
    return json_text(object_of(report)) + "\n";
}

int
ComposeReport::exit_code() const
{
    int code = error.empty() ? 0 : 2;
    for (const EnvReport &service : services)
        code = std::max(code, service.exit_code());
    return code;
}

std::string
text_of(const ComposeReport &report)
{
    std::string text;
    for (const EnvReport &service : report.services)
        text += text_of(service);
    return text;
}

std::string
json_of(const ComposeReport &report)
{
    Json services(json_array());
    for (const EnvReport &service : report.services)
        json_array_append_new(services.get(), object_of(service).release());
    Json object(json_object());
    put(object, "ok", Json(json_boolean(report.exit_code() == 0)));
    put(object, "services", std::move(services));
    put(object, "error", report.error.empty() ? Json(json_null()) : string_of(report.error));
    return json_text(object) + "\n";
}

} // namespace sidecar
