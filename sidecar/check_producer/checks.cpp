// See checks.hpp. The checks of versions are in version_checks.cpp.
#include "check_producer/checks.hpp"

#include "base/json.hpp"
#include "base/text.hpp"
#include "check_producer/version_checks.hpp"

namespace sidecar
{
namespace
{

constexpr std::size_t large_body = 64 * 1024; // bytes, which every producer takes
constexpr int large_names = 32;               // among which they are divided

// Says whether a code ends a publication for good. Others in the 400s pause the sidecar, or make
// it repeat the request.
bool
ends_a_publication(int status)
{
    return status >= 400 && status < 500 && status != 401 && status != 403 && status != 408 &&
           status != 425 && status != 429;
}

// Returns the body of a request, as changed by somebody.
template <typename Change>
Secret
changed_body(const Publication &publication, Change change)
{
    const Json body = parse_json(request_body(publication).reveal());
    change(body.get());
    return Secret(json_text(body));
}

std::string
check_transport(Trial &trial)
{
    if (trial.settings().in_clear)
        return "http to another machine: secrets travel in clear";
    return trial.get(SentToken::none).status == 0 ? trial.seen() : "";
}

// Sends a variable with a token that is not right, and looks whether it was stored.
std::string
check_token(Trial &trial, SentToken token, const char *check)
{
    const Publication refused = trial.setting({checked_variable(check)});
    if (trial.deliver(refused, token).verdict != Verdict::unauthorized)
        return trial.seen();
    const Publication lower = trial.with_version(refused, refused.version - 1);
    if (trial.deliver(lower).verdict == Verdict::stale)
        return "it was refused, and stored all the same: a lower version is answered with " +
               trial.seen();
    return "";
}

std::string
check_no_token(Trial &trial)
{
    return check_token(trial, SentToken::none, "no_token");
}

std::string
check_wrong_token(Trial &trial)
{
    return check_token(trial, SentToken::wrong, "wrong_token");
}

std::string
check_store(Trial &trial)
{
    return seen_unless(trial, trial.deliver(trial.setting({checked_variable("store")})),
                       Verdict::stored);
}

// Says what is wrong with an answer of success to a request; empty: nothing.
std::string
fault_of(const ProducerAnswer &answer, const Publication &publication)
{
    if (answer.body_cut)
        return "a body of more than 64 KiB";
    if (answer.body.empty())
        return "";
    const Json body = parse_json(answer.body);
    if (!json_is_object(body.get()))
        return "a body that is no JSON object";
    const json_t *version = json_object_get(body.get(), "version");
    if (version != nullptr && json_integer_value(version) != publication.version)
        return "another version than that of the request";
    const json_t *keys = json_object_get(body.get(), "env_keys");
    const char *name = json_string_value(json_array_get(keys, 0));
    if (keys != nullptr && (json_array_size(keys) != publication.set.size() || name == nullptr ||
                            name != publication.set.front().name))
        return "other env_keys than those of the request";
    return "";
}

std::string
check_answer(Trial &trial)
{
    const Publication publication = trial.setting({checked_variable("answer")});
    const std::string seen = seen_unless(trial, trial.deliver(publication), Verdict::stored);
    return seen.empty() ? fault_of(trial.answer(), publication) : seen;
}

std::string
check_unknown_field(Trial &trial)
{
    const Publication publication = trial.setting({checked_variable("unknown_field")});
    Secret body = changed_body(publication, [](json_t *object) {
        json_object_set_new(object, "appinfra_check", json_pack("{s:i}", "of_a_later_release", 1));
    });
    return seen_unless(trial, trial.deliver(publication, std::move(body)), Verdict::stored);
}

std::string
check_large_body(Trial &trial)
{
    std::vector<std::string> names;
    for (int i = 1; i <= large_names; i++)
        names.push_back(checked_variable("large_body_" + std::to_string(i)));
    Publication publication = trial.setting(names);
    const std::size_t missing = large_body - request_body(publication).size();
    for (std::size_t i = 0; i < names.size(); i++) {
        const std::size_t share = missing / names.size() + (i < missing % names.size() ? 1 : 0);
        publication.set[i].value =
            Secret(std::string(publication.set[i].value.reveal()) + std::string(share, 'x'));
    }
    return seen_unless(trial, trial.deliver(publication), Verdict::stored);
}

std::string
check_bad_body(Trial &trial)
{
    const Publication publication = trial.setting({checked_variable("store")});
    const char *name = publication.set.front().name.c_str();
    struct {
        const char *what;
        Secret body;
    } bad[] = {
        {"what is no JSON", Secret("{\"producer\": ")},
        {"a request without a version",
         changed_body(publication, [](json_t *body) { json_object_del(body, "version"); })},
        {"a value that is no text",
         changed_body(publication,
                      [&](json_t *body) {
                          json_object_set_new(json_object_get(body, "set"), name, json_integer(1));
                      })},
    };
    for (auto &[what, body] : bad) {
        const Publication one = trial.with_version(publication, publication.version);
        if (!ends_a_publication(trial.deliver(one, std::move(body)).status))
            return trial.seen() + " (to " + what + ")";
    }
    return "";
}

std::string
check_unknown_app(Trial &trial)
{
    Publication publication = trial.setting({checked_variable("unknown_app")});
    publication.app_id = publication.target = "appinfra-check-" + random_uuid().substr(24);
    const Outcome outcome = trial.deliver(publication);
    return outcome.verdict == Verdict::stored || ends_a_publication(outcome.status) ? ""
                                                                                    : trial.seen();
}

std::string
check_no_reading(Trial &trial)
{
    for (const SentToken token : {SentToken::right, SentToken::none}) {
        const ProducerAnswer answer = trial.get(token);
        if (answer.status == 0)
            return trial.seen();
        if (trial.gives_away(answer.body) || trial.gives_away(answer.head))
            return std::string("a value, to a GET ") +
                   (token == SentToken::right ? "with the token" : "without a token");
    }
    return "";
}

std::string
check_no_echo(Trial &trial)
{
    return trial.echo().empty() ? "" : "a value or the token, in an answer with " + trial.echo();
}

std::string
check_latency(Trial &trial)
{
    if (trial.slowest() <= trial.settings().call_timeout / 3)
        return "";
    return "an answer after " + std::to_string(trial.slowest().count()) + " ms";
}

std::string
check_clean_up(Trial &trial)
{
    const auto [left, error] = trial.clean_up();
    return left == 0 ? "" : std::to_string(left) + " variables may be left: " + error;
}

// clang-format off
constexpr ProducerCheck all_checks[] = {
    {"transport", "is reached, by verified TLS unless the address is loopback", "",
     "start the producer and check --producer-url; name the authority of its certificate by --producer-ca", check_transport},
    {"no_token", "answers 401 or 403 to a request without a token, and stores nothing", "transport",
     "refuse every request that has no header Authorization, before anything else is done; check --producer-path where the code is 404", check_no_token},
    {"wrong_token", "answers 401 or 403 to a wrong token, and stores nothing", "transport",
     "compare the whole token, in constant time, before anything else is done", check_wrong_token},
    {"store", "stores a variable and answers 200, 201, 202 or 204", "transport",
     "check the token, --producer-path and the producer's log; where only known apps are stored for, name one by --app", check_store},
    {"answer", "answers success with JSON or with nothing, at most 64 KiB; env_keys and version, if there, are what was sent", "store",
     "answer {\"env_keys\": [names that were set], \"version\": version of the request}, or nothing", check_answer},
    {"repetition", "answers a repeated request, with the same Idempotency-Key, with success", "store",
     "answer a repetition as the first time: its answer was lost", check_repetition},
    {"equal_version", "answers an equal version with another Idempotency-Key with success", "store",
     "refuse lower versions only, not equal ones", check_equal_version},
    {"lower_version", "answers a lower version with 409 and the title stale_version", "store",
     "keep the highest version of each target and name, and refuse what is lower: a late request brings a dead DSN back", check_lower_version},
    {"refused_unchanged", "has not taken over the version that it has refused", "lower_version",
     "change nothing when a request is refused", check_refused_unchanged},
    {"names_apart", "keeps versions by name", "lower_version",
     "keep a version for each target and name, not one for a target", check_names_apart},
    {"targets_apart", "keeps the same name in two targets apart", "lower_version",
     "store by target and name, not by app and name: a service has a target of its own", check_targets_apart},
    {"whole_request", "stores nothing of a request of which one variable is stale", "lower_version names_apart",
     "compare all versions of a request before the first variable is written, in one transaction", check_whole_request},
    {"unset", "unsets a variable, and answers success, 404 or 410 for one that is not there", "store",
     "treat what is not there as unset", check_unset},
    {"unset_version", "keeps the version of what was unset", "lower_version unset",
     "keep the row of an unset variable for its version: a late request sets it again", check_unset_version},
    {"unknown_field", "lets an unknown field pass", "store",
     "ignore fields that are not known: later releases add some", check_unknown_field},
    {"large_body", "takes a body of 64 KiB", "store",
     "raise the limit of the producer, and of the proxy before it, to 64 KiB at least", check_large_body},
    {"bad_body", "answers 4xx (not 401, 403, 408, 425, 429) to what is no JSON, lacks a version, or has a value that is no text", "store",
     "answer 400 or 422 to a request that is not of the right form: 5xx is repeated for ever", check_bad_body},
    {"unknown_app", "answers success or 4xx (not 401, 403, 408, 425, 429) to an app that it does not know", "store",
     "answer 404: 5xx is repeated for ever, 401 and 403 stop the delivery for all apps", check_unknown_app},
    {"no_reading", "shows no value to a GET of the same path", "store",
     "show names at most: values are handed to the app only, at its deploy", check_no_reading},
    {"no_echo", "has no value in any answer, nor the token", "transport",
     "take values and headers of the request out of answers, error texts included", check_no_echo},
    {"latency", "answers each request within a third of --call-timeout", "transport",
     "answer as soon as the variables are on disk and deploy later, or raise --call-timeout", check_latency},
    {"clean_up", "has unset what was set", "transport",
     "unset the variables APPINFRA_CHECK_... of the app by hand", check_clean_up},
};
// clang-format on

} // namespace

std::span<const ProducerCheck>
producer_checks()
{
    return all_checks;
}

} // namespace sidecar
