// See trial.hpp.
#include "check_producer/trial.hpp"

#include <algorithm>
#include <cctype>

#include "base/backoff.hpp"
#include "base/text.hpp"

namespace sidecar
{
namespace
{

constexpr int sends_at_most = 3; // of a request that is answered with "not now"
constexpr std::int64_t version_step = 100;
constexpr std::size_t shortest_token = 8; // that is looked for: a shorter one is a common word

// A UUID that belongs to a text, so that a later trial of the same app is the same host's.
std::string
uuid_of(const std::string &text)
{
    const std::string hex = sha256_hex(text);
    return hex.substr(0, 8) + "-" + hex.substr(8, 4) + "-4" + hex.substr(13, 3) + "-8" +
           hex.substr(17, 3) + "-" + hex.substr(20, 12);
}

std::string
random_hex()
{
    std::string hex = random_uuid();
    std::erase(hex, '-');
    return hex;
}

// Says whether a code asks to send the same again, without that anything was stored.
bool
is_not_now(int status)
{
    return status == 408 || status == 425 || status == 429 || status == 503;
}

bool
is_unset(const Outcome &outcome)
{
    return outcome.verdict == Verdict::stored || outcome.status == 404 || outcome.status == 410;
}

} // namespace

Trial::Trial(CheckedProducer &producer, TrialSettings settings)
    : producer_(producer), settings_(std::move(settings)), host_id_(uuid_of(settings_.app_id)),
      marker_(random_hex()), redactor_(Publication()), version_(settings_.first_version)
{
    redactor_.add(marker_);
    redactor_.add(settings_.token.reveal());
}

Publication
Trial::setting(const std::vector<std::string> &names)
{
    Publication made = new_publication();
    for (const std::string &name : names)
        made.set.push_back({name, Secret("postgresql://appinfra_check:" + marker_ +
                                         "@check.invalid:5432/appinfra_check?sslmode=require")});
    return made;
}

Publication
Trial::unsetting(const std::vector<std::string> &names)
{
    Publication made = new_publication();
    made.unset = names;
    return made;
}

Publication
Trial::with_version(const Publication &like, std::int64_t version) const
{
    Publication made;
    made.host_id = like.host_id;
    made.id = like.id;
    made.claim = random_uuid();
    made.target = like.target;
    made.ref = like.ref;
    made.app_id = like.app_id;
    made.producer = like.producer;
    made.version = version;
    made.unset = like.unset;
    for (const Variable &variable : like.set)
        made.set.push_back({variable.name, variable.value.clone()});
    return made;
}

Publication
Trial::new_publication()
{
    version_ += version_step;
    Publication made;
    made.host_id = host_id_;
    made.id = ++publication_id_;
    made.claim = random_uuid();
    made.target = made.app_id = settings_.app_id;
    made.ref = "db-" + host_id_.substr(24);
    made.producer = "postgres";
    made.version = version_;
    return made;
}

Outcome
Trial::deliver(const Publication &publication, SentToken token)
{
    return deliver(publication, request_body(publication), token);
}

Outcome
Trial::deliver(const Publication &publication, Secret body, SentToken token)
{
    ProducerRequest request;
    request.app_id = publication.app_id;
    request.token = token;
    request.key = publication.host_id + "-" + publication.claim;
    request.body = std::move(body);
    Outcome outcome = send(request);
    for (int sends = 1; sends < sends_at_most && is_not_now(outcome.status); sends++) {
        const auto asked = retry_after(answer_.retry_after, SystemClock().wall());
        producer_.pause(
            std::min<Duration>(asked.value_or(std::chrono::seconds(1)), std::chrono::seconds(10)));
        outcome = send(request);
    }
    note(publication, outcome);
    return outcome;
}

// Notes which variables may be set now. An app that is not ours may be refused: it has none then.
void
Trial::note(const Publication &publication, const Outcome &outcome)
{
    std::set<std::string> &names = maybe_set_[{publication.app_id, publication.target}];
    if (publication.app_id == settings_.app_id || outcome.verdict != Verdict::refused)
        for (const Variable &variable : publication.set)
            names.insert(variable.name);
    if (outcome.verdict == Verdict::stored)
        for (const std::string &name : publication.unset)
            names.erase(name);
}

ProducerAnswer
Trial::get(SentToken token)
{
    ProducerRequest request;
    request.app_id = settings_.app_id;
    request.token = token;
    answer_ = producer_.send(request);
    return answer_;
}

std::pair<std::size_t, std::string>
Trial::clean_up()
{
    std::size_t left = 0;
    std::string error;
    const auto all = maybe_set_; // each success takes something out
    for (const auto &[environment, names] : all) {
        if (names.empty() || unset(environment, {names.begin(), names.end()}))
            continue;
        // One by one, so that as little as possible is left.
        for (const std::string &name : names)
            if (!unset(environment, {name})) {
                left++;
                error = seen();
            }
    }
    return {left, error};
}

// Unsets variables of an environment; says whether they are gone. That one of several is not
// found says nothing about the others.
bool
Trial::unset(const Environment &environment, const std::vector<std::string> &names)
{
    Publication publication = unsetting(names);
    publication.app_id = environment.first;
    publication.target = environment.second;
    const Outcome outcome = deliver(publication);
    return names.size() > 1 ? outcome.verdict == Verdict::stored : is_unset(outcome);
}

std::string
Trial::seen() const
{
    if (answer_.status == 0)
        return "no answer: " + redactor_.redact(answer_.error);
    const Outcome outcome = classify_answer(answer_.status, answer_.body_cut ? "" : answer_.body);
    if (outcome.verdict == Verdict::stored)
        return "HTTP " + std::to_string(answer_.status);
    return redactor_.redact(outcome.error);
}

bool
Trial::gives_away(std::string_view text) const
{
    const std::string_view token = settings_.token.reveal();
    return text.find(marker_) != std::string_view::npos ||
           (token.size() >= shortest_token && text.find(token) != std::string_view::npos);
}

Outcome
Trial::send(const ProducerRequest &request)
{
    answer_ = producer_.send(request);
    slowest_ = std::max(slowest_, answer_.took);
    if (echo_.empty() && (gives_away(answer_.head) || gives_away(answer_.body)))
        echo_ = "HTTP " + std::to_string(answer_.status);
    if (answer_.status != 0)
        return classify_answer(answer_.status, answer_.body_cut ? "" : answer_.body);
    Outcome outcome;
    outcome.maybe_stored = true;
    outcome.error = answer_.error;
    return outcome;
}

std::string
checked_variable(std::string_view check)
{
    std::string name = "APPINFRA_CHECK_";
    for (const char c : check)
        name += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return name;
}

} // namespace sidecar
