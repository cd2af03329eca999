// See jobs.hpp.
#include "platform/database_workers.hpp"

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>

#include "platform/problem.hpp"

namespace sidecar
{

namespace
{

struct Job {
    Work work;
    std::function<void(Response)> done;
};

// Does one step of a job; every failure becomes a response.
Step
step_of(const Work &work, PgDatabase &database)
{
    try {
        Step step = work.run(database);
        database.tidy();
        return step;
    } catch (const Problem &problem) {
        database.tidy();
        return response_of(problem);
    } catch (const std::exception &) {
        database.tidy();
        return response_of({500, "internal", "the request could not be worked on"});
    }
}

} // namespace

struct Jobs::State {
    mutable std::mutex mutex;
    std::condition_variable changed;
    std::deque<Job> quick, slow;
    std::multimap<TimePoint, Job> later;
    std::shared_ptr<PgShared> shared;
    std::size_t limit = 0;
    std::size_t most_slow = 0;
    std::size_t slow_running = 0;
    std::size_t running = 0;
    bool stopping = false;

    std::size_t
    count() const
    {
        return quick.size() + slow.size() + later.size() + running;
    }

    void
    add(Job job)
    {
        if (job.work.pause.count() > 0)
            later.emplace(SystemClock().now() + job.work.pause, std::move(job));
        else
            (job.work.slow ? slow : quick).push_back(std::move(job));
        changed.notify_one();
    }

    // Makes what is due ready.
    void
    wake_later()
    {
        const TimePoint now = SystemClock().now();
        while (!later.empty() && later.begin()->first <= now) {
            Job job = std::move(later.extract(later.begin()).mapped());
            job.work.pause = Duration(0);
            add(std::move(job));
        }
    }

    std::deque<Job> *
    ready()
    {
        if (!quick.empty())
            return &quick;
        return !slow.empty() && slow_running < most_slow ? &slow : nullptr;
    }

    // Waits for a job and takes it; false when there will be none.
    bool
    take(std::unique_lock<std::mutex> &lock, Job &job)
    {
        for (;;) {
            wake_later();
            if (stopping)
                return false;
            if (std::deque<Job> *queue = ready()) {
                job = std::move(queue->front());
                queue->pop_front();
                return true;
            }
            if (later.empty()) {
                changed.wait(lock);
                continue;
            }
            const TimePoint due = later.begin()->first; // which another thread may take meanwhile
            changed.wait_until(lock, due);
        }
    }

    void
    work()
    {
        PgDatabase database(shared);
        Job job;
        std::unique_lock lock(mutex);
        while (take(lock, job)) {
            const bool is_slow = job.work.slow;
            running++;
            slow_running += is_slow ? 1 : 0;
            lock.unlock();
            Step step = step_of(job.work, database);
            if (auto *response = std::get_if<Response>(&step))
                job.done(std::move(*response));
            lock.lock();
            running--;
            slow_running -= is_slow ? 1 : 0;
            if (auto *next = std::get_if<Work>(&step))
                add({std::move(*next), std::move(job.done)});
            else if (is_slow)
                changed.notify_one();
            job = {};
        }
    }
};

Jobs::Jobs(std::shared_ptr<PgShared> shared, std::size_t threads, std::size_t limit)
    : state_(std::make_shared<State>())
{
    state_->shared = std::move(shared);
    state_->limit = limit;
    state_->most_slow = std::max<std::size_t>(1, threads - 1);
    // They are detached, for one may be in the middle of a query that nobody waits for any more.
    for (std::size_t i = 0; i < threads; i++)
        std::thread([state = state_] { state->work(); }).detach();
}

Jobs::~Jobs()
{
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
    state_->changed.notify_all();
}

bool
Jobs::submit(Work work, std::function<void(Response)> done)
{
    const std::lock_guard lock(state_->mutex);
    if (state_->stopping || state_->count() >= state_->limit)
        return false;
    state_->add({std::move(work), std::move(done)});
    return true;
}

std::size_t
Jobs::busy() const
{
    const std::lock_guard lock(state_->mutex);
    return state_->count();
}

} // namespace sidecar
