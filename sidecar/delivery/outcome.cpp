// See outcome.hpp. The table is contracts/producer-api.md; what it leaves open is decided here:
//  - a redirect is answered like 503: it is not followed, and someone will correct the URL;
//  - another 2xx means nothing we know: refused, and maybe stored;
//  - another 4xx is refused;
//  - 500, 502, 504 and unknown 5xx come from a server or gateway that may have stored before it
//    failed: maybe stored. 501, 503, 505 and every 4xx say that it was not.
#include "delivery/outcome.hpp"

#include "base/json.hpp"
#include "base/text.hpp"

namespace sidecar
{
namespace
{

std::string
problem_text(int status, const Json &problem)
{
    std::string text = "HTTP " + std::to_string(status);
    if (const auto title = string_member(problem, "title"))
        text += " " + *title;
    if (const auto detail = string_member(problem, "detail"))
        text += ": " + *detail;
    return text;
}

Verdict
verdict_of(int status, const Json &problem)
{
    switch (status) {
    case 200:
    case 201:
    case 202:
    case 204:
        return Verdict::stored;
    case 401:
    case 403:
        return Verdict::unauthorized;
    case 408:
    case 425:
    case 429:
        return Verdict::again;
    case 409:
        return string_member(problem, "title") == "stale_version" ? Verdict::stale
                                                                  : Verdict::refused;
    default:
        return status >= 500 || (status >= 300 && status < 400) ? Verdict::again : Verdict::refused;
    }
}

bool
may_have_stored(int status)
{
    if (status >= 500)
        return status != 501 && status != 503 && status != 505;
    return status < 300;
}

} // namespace

std::string
checked_response(std::string_view body)
{
    constexpr std::size_t max_keys = 64;
    const Json answer = parse_json(body);
    Json checked(json_object());
    const json_t *keys = json_object_get(answer.get(), "env_keys");
    if (json_is_array(keys) && json_array_size(keys) <= max_keys) {
        Json names(json_array());
        std::size_t index;
        json_t *key;
        json_array_foreach(keys, index, key)
        {
            if (json_is_string(key) && is_variable_name(json_string_value(key)))
                json_array_append(names.get(), key);
        }
        json_object_set_new(checked.get(), "env_keys", names.release());
    }
    if (const auto version = integer_member(answer, "version"))
        json_object_set_new(checked.get(), "version", json_integer(*version));
    return json_object_size(checked.get()) > 0 ? json_text(checked) : std::string();
}

Outcome
classify_answer(int status, std::string_view body)
{
    const Json problem = parse_json(body);
    Outcome outcome;
    outcome.status = status;
    outcome.verdict = verdict_of(status, problem);
    if (outcome.verdict == Verdict::stored) {
        outcome.response = checked_response(body);
        return outcome;
    }
    outcome.maybe_stored = may_have_stored(status);
    outcome.error = problem_text(status, problem);
    if (status >= 300 && status < 400)
        outcome.error += " (a redirect, which is not followed)";
    return outcome;
}

} // namespace sidecar
