// See database_workers.hpp.
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

struct Entry {
    Task task;
    std::function<void(Response)> done;
};

// Runs one task; every failure becomes a response.
TaskResult
result_of(const Task &task, Database &database)
{
    try {
        TaskResult result = task.run(database);
        database.tidy();
        return result;
    } catch (const Problem &problem) {
        database.tidy();
        return response_of(problem);
    } catch (const std::exception &) {
        database.tidy();
        return response_of({500, "internal", "the request could not be worked on"});
    }
}

} // namespace

struct DatabaseWorkers::State {
    mutable std::mutex mutex;
    std::condition_variable changed;
    std::deque<Entry> quick, slow;
    std::multimap<TimePoint, Entry> later;
    OpenDatabase open;
    std::size_t limit = 0;
    std::size_t max_slow = 0;
    std::size_t slow_running = 0;
    std::size_t running = 0;
    bool stopping = false;

    std::size_t
    count() const
    {
        return quick.size() + slow.size() + later.size() + running;
    }

    void
    add(Entry entry)
    {
        if (entry.task.pause.count() > 0)
            later.emplace(SystemClock().now() + entry.task.pause, std::move(entry));
        else
            (entry.task.slow ? slow : quick).push_back(std::move(entry));
        changed.notify_one();
    }

    // Makes what is due ready.
    void
    wake_later()
    {
        const TimePoint now = SystemClock().now();
        while (!later.empty() && later.begin()->first <= now) {
            Entry entry = std::move(later.extract(later.begin()).mapped());
            entry.task.pause = Duration(0);
            add(std::move(entry));
        }
    }

    std::deque<Entry> *
    ready()
    {
        if (!quick.empty())
            return &quick;
        return !slow.empty() && slow_running < max_slow ? &slow : nullptr;
    }

    // Waits for a entry and takes it; false when there will be none.
    bool
    take(std::unique_lock<std::mutex> &lock, Entry &entry)
    {
        for (;;) {
            wake_later();
            if (stopping)
                return false;
            if (std::deque<Entry> *queue = ready()) {
                entry = std::move(queue->front());
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
        const std::unique_ptr<Database> database = open();
        Entry entry;
        std::unique_lock lock(mutex);
        while (take(lock, entry)) {
            const bool is_slow = entry.task.slow;
            running++;
            slow_running += is_slow ? 1 : 0;
            lock.unlock();
            TaskResult result = result_of(entry.task, *database);
            if (auto *response = std::get_if<Response>(&result))
                entry.done(std::move(*response));
            lock.lock();
            running--;
            slow_running -= is_slow ? 1 : 0;
            if (auto *next = std::get_if<Task>(&result))
                add({std::move(*next), std::move(entry.done)});
            else if (is_slow)
                changed.notify_one();
            entry = {};
        }
    }
};

DatabaseWorkers::DatabaseWorkers(OpenDatabase open, std::size_t threads, std::size_t limit)
    : state_(std::make_shared<State>())
{
    state_->open = std::move(open);
    state_->limit = limit;
    state_->max_slow = std::max<std::size_t>(1, threads - 1);
    // They are detached, for one may be in the middle of a query that nobody waits for any more.
    for (std::size_t i = 0; i < threads; i++)
        std::thread([state = state_] { state->work(); }).detach();
}

DatabaseWorkers::~DatabaseWorkers()
{
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
    state_->changed.notify_all();
}

bool
DatabaseWorkers::submit(Task task, std::function<void(Response)> done)
{
    const std::lock_guard lock(state_->mutex);
    if (state_->stopping || state_->count() >= state_->limit)
        return false;
    state_->add({std::move(task), std::move(done)});
    return true;
}

std::size_t
DatabaseWorkers::busy() const
{
    const std::lock_guard lock(state_->mutex);
    return state_->count();
}

} // namespace sidecar
