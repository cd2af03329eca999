// Brings the ends of claims to the extension, again and again until it has taken them, and writes
// the one line that tells a publication's life. It holds no secrets, so it may be patient.
#pragma once

#include <cstdint>
#include <map>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "delivery/queue.hpp"

namespace sidecar
{

// What has come of the publications so far.
struct Tally {
    int delivered = 0;
    int failed = 0;     // for good
    int given_back = 0; // pending again
    int stale = 0;      // something newer stands, or is to be published
    int lost = 0;       // the claim was cancelled or taken over
    int unreported = 0; // the extension would not take the report

    Tally &operator+=(const Tally &other);
};

// How the claim of a publication ended. Superseded: it failed, but by then it was overtaken, so
// that nothing is amiss.
enum class End { delivered, failed, given_back, stale, superseded, lost };

class Reporter
{
public:
    Reporter(Queue &queue, const Clock &clock, Log &log) : queue_(queue), clock_(clock), log_(log)
    {
    }

    // Takes over a report; life is what the log line says of the publication.
    void add(Report report, End end, Fields life);

    // Counts and logs the end of a claim that needs no report.
    void close(End end, const Fields &life);

    // Hands every report that is due to the queue.
    void step(TimePoint now);

    // Whether every report has been taken.
    bool
    idle() const
    {
        return entries_.empty();
    }

    // Whether a report met a lost connection and has not been taken since. Its claim may have run
    // out meanwhile, and claiming would get that very publication again.
    bool cut_off() const;

    // Makes every report due (the connection is there again).
    void hurry();

    // When the next report is to be tried again.
    TimePoint next_due() const;

    const Tally &
    tally() const
    {
        return tally_;
    }

private:
    struct Entry {
        Report report;
        End end;
        Fields life;
        TimePoint due{};
        int failures = 0;
        bool asked = false;
        bool cut_off = false;
    };

    void answered(std::uint64_t key, const std::variant<Receipt, Failure> &answer);
    void postpone(std::uint64_t key, const Failure &failure);

    Queue &queue_;
    const Clock &clock_;
    Log &log_;
    Tally tally_;
    std::map<std::uint64_t, Entry> entries_;
    std::uint64_t next_key_ = 0;
};

} // namespace sidecar
