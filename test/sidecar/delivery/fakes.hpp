// A clock, a queue, a sink and a log that do what a test says, and remember what they were asked.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "delivery/dispatcher.hpp"
#include "delivery/queue.hpp"
#include "delivery/sink.hpp"

namespace fake
{

using namespace sidecar;
using namespace std::chrono_literals;

class TurnedClock final : public Clock
{
public:
    TimePoint time{1000s};
    TimePoint
    now() const override
    {
        return time;
    }
    WallTime
    wall() const override
    {
        return WallTime(time.time_since_epoch());
    }
};

inline Publication
publication(std::int64_t id, int version = 1)
{
    Publication made;
    made.host_id = "host";
    made.id = id;
    made.claim = "claim-" + std::to_string(id);
    made.app_id = made.target = "app-" + std::to_string(id);
    made.producer = "postgres";
    made.version = version;
    made.attempt = 1;
    made.set.push_back({"DATABASE_URL", Secret("postgres://u:secret-password-0123456789@h:1/d")});
    return made;
}

// Answers wait until the test says deliver().
class FakeQueue final : public Queue
{
public:
    std::string status = "failed"; // what a failed publication becomes
    bool up = true;
    std::vector<Publication> pending;
    std::set<std::int64_t> lost; // claims that are no longer ours
    int claims = 0;
    int extensions = 0;
    int last_batch = 0;
    std::vector<Report> reports;
    std::map<std::int64_t, std::string> recorded; // access keys
    std::optional<Failure> failure;               // of every call, while it is set
    std::vector<std::function<void()>> answers;

    bool
    connected() const override
    {
        return up;
    }

    void
    claim(const std::string &, int batch, Duration, Answer<std::vector<Publication>> done) override
    {
        claims++;
        last_batch = batch;
        answers.push_back([this, batch, done] {
            if (failure) {
                done(*failure);
                return;
            }
            std::vector<Publication> rows;
            while (!pending.empty() && rows.size() < static_cast<std::size_t>(batch)) {
                rows.push_back(std::move(pending.front()));
                pending.erase(pending.begin());
            }
            done(std::move(rows));
        });
    }

    void
    extend(std::int64_t id, const std::string &, Duration, Answer<bool> done) override
    {
        extensions++;
        answers.push_back([this, id, done] {
            if (failure)
                done(*failure);
            else
                done(!lost.contains(id));
        });
    }

    void
    report(const Report &report, Answer<Receipt> done) override
    {
        answers.push_back([this, report, done] {
            if (failure) {
                done(*failure);
                return;
            }
            reports.push_back(report);
            done(Receipt{!lost.contains(report.publication_id), report.complete ? "" : status});
        });
    }

    void
    record_key(std::int64_t id, const std::string &, const std::string &access_key,
               Answer<bool> done) override
    {
        answers.push_back([this, id, access_key, done] {
            if (failure) {
                done(*failure);
                return;
            }
            recorded[id] = access_key;
            done(!lost.contains(id));
        });
    }

    void
    deliver()
    {
        for (auto &answer : std::exchange(answers, {}))
            answer();
    }
};

class FakeSink final : public Sink
{
public:
    std::vector<std::int64_t> started; // every send, in order
    std::map<std::int64_t, bool> under_way;
    std::vector<Finished> done;
    std::vector<std::int64_t> aborted;
    bool abort_maybe_stored = true;

    void
    start(Publication &publication) override
    {
        started.push_back(publication.id);
        under_way[publication.id] = true;
    }

    bool
    abort(std::int64_t id) override
    {
        aborted.push_back(id);
        under_way.erase(id);
        return abort_maybe_stored;
    }

    std::vector<Finished>
    collect() override
    {
        return std::exchange(done, {});
    }
    void
    wait(std::span<pollfd>, Duration) override
    {
    }

    void
    finish(std::int64_t id, Outcome outcome)
    {
        under_way.erase(id);
        done.push_back({id, std::move(outcome)});
    }
};

inline Outcome
outcome(Verdict verdict, bool maybe_stored = false, std::string error = "why")
{
    Outcome made;
    made.verdict = verdict;
    made.maybe_stored = maybe_stored;
    if (verdict != Verdict::stored)
        made.error = std::move(error);
    return made;
}

// A dispatcher with all its fakes.
struct World {
    TurnedClock clock;
    FakeQueue queue;
    FakeSink sink;
    std::vector<std::string> lines;
    Log log{LogFormat::text, LogLevel::debug, [this](const std::string &line) {
                lines.push_back(line);
            }};
    DispatchSettings settings;
    std::unique_ptr<Dispatcher> dispatcher;

    explicit World(DispatchSettings chosen = {}) : settings(chosen)
    {
        dispatcher =
            std::make_unique<Dispatcher>(settings, queue, sink, clock, log, Backoff(500ms, 60s, 1));
    }

    // Steps and answers until nothing moves any more.
    TimePoint
    settle()
    {
        TimePoint next;
        do {
            queue.deliver();
            next = dispatcher->step();
        } while (!queue.answers.empty() || !sink.done.empty());
        return next;
    }

    TimePoint
    after(Duration time)
    {
        clock.time += time;
        return settle();
    }

    // Claims one publication and has it sent.
    void
    send_one(std::int64_t id = 1)
    {
        queue.pending.push_back(publication(id));
        dispatcher->wake();
        settle();
    }
};

} // namespace fake
