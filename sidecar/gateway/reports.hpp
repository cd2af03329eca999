// Audit rows that nobody has to wait for: reads, and what was refused. They go to the registry in
// batches, within a second.
#pragma once

#include <map>
#include <string>

#include "base/clock.hpp"
#include "gateway/registry.hpp"

namespace sidecar::gateway
{

class Reports
{
public:
    explicit Reports(const Clock &clock) : clock_(clock)
    {
    }

    // A call that has run; detail is a JSON object, with what is to be told of it beyond that.
    void add(const CallHead &head, int status, const std::string &detail);

    // Something that was refused by a rule; the same is counted until it is sent.
    void refused(const std::string &rule, const std::string &key_id, const std::string &address);

    // Takes a batch: a JSON array; empty: there is none.
    std::string take();

    // Gives a batch back that could not be sent.
    void put_back(std::string batch);

    // Since when an entry waits; now when none does.
    TimePoint waiting_since() const;

private:
    void append(const std::string &entry);

    const Clock &clock_;
    std::string entries_; // with commas between them
    std::string unsent_;  // a batch that was given back
    TimePoint since_{};
    std::map<std::string, std::pair<std::string, std::size_t>> refused_; // entry and count, by all
    std::size_t lost_ = 0;
};

} // namespace sidecar::gateway
