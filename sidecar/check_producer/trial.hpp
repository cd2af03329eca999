// One trial of a producer: the app whose variables it sets and unsets, what was sent to it, and
// what is to be unset in the end.
// A producer cannot be asked what it has stored. Versions tell: what was stored refuses a lower
// version, and what was not, takes it.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "check_producer/producer.hpp"
#include "delivery/outcome.hpp"
#include "delivery/publication.hpp"
#include "delivery/redactor.hpp"

namespace sidecar
{

struct TrialSettings {
    std::string app_id;
    Secret token;
    std::int64_t first_version = 0; // higher than those of former trials of the app
    Duration call_timeout{};
    bool in_clear = false; // secrets travel in clear, to another machine
};

class Trial
{
public:
    Trial(CheckedProducer &producer, TrialSettings settings);

    // A request of its own that sets these variables of the app, or unsets them; its version is
    // higher than all before.
    Publication setting(const std::vector<std::string> &names);
    Publication unsetting(const std::vector<std::string> &names);

    // The same request with another version, and so with another key.
    Publication with_version(const Publication &like, std::int64_t version) const;

    // Sends a request as the sidecar would. What is answered with "not now" is sent again, twice.
    Outcome deliver(const Publication &publication, SentToken token = SentToken::right);

    // The same with another body.
    Outcome deliver(const Publication &publication, Secret body,
                    SentToken token = SentToken::right);

    // Asks for what stands at the app's path.
    ProducerAnswer get(SentToken token);

    // Unsets whatever may have been set. Returns how many variables may be left, and the last
    // error.
    std::pair<std::size_t, std::string> clean_up();

    // The newest answer, and what is to be said of it: without a secret, in one line.
    const ProducerAnswer &
    answer() const
    {
        return answer_;
    }
    std::string seen() const;

    // Says whether somebody answered, but not by the TLS that is wanted.
    bool
    untrusted() const
    {
        return answer_.untrusted;
    }

    // Says whether a text has a value of this trial in it, or the token.
    bool gives_away(std::string_view text) const;

    // The code of the first answer that gave something away; empty: none.
    const std::string &
    echo() const
    {
        return echo_;
    }

    // The longest that a request took until it was answered.
    Duration
    slowest() const
    {
        return slowest_;
    }

    const TrialSettings &
    settings() const
    {
        return settings_;
    }

private:
    // Whose environment: an app's id and a target.
    using Environment = std::pair<std::string, std::string>;

    Publication new_publication();
    Outcome send(const ProducerRequest &request);
    void note(const Publication &publication, const Outcome &outcome);
    bool unset(const Environment &environment, const std::vector<std::string> &names);

    CheckedProducer &producer_;
    TrialSettings settings_;
    std::string host_id_;
    std::string marker_; // a part of each value, and of nothing else
    Redactor redactor_;
    std::int64_t version_;
    std::int64_t publication_id_ = 0;
    ProducerAnswer answer_;
    std::string echo_;
    Duration slowest_{};
    std::map<Environment, std::set<std::string>> maybe_set_;
};

// The name of a check's variable.
std::string checked_variable(std::string_view check);

} // namespace sidecar
