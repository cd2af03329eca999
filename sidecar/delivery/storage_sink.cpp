// See storage_sink.hpp.
#include "delivery/storage_sink.hpp"

#include <atomic>
#include <mutex>
#include <utility>

#include <sys/eventfd.h>

#include "base/descriptor.hpp"
#include "delivery/redactor.hpp"
#include "store/make_key.hpp"

namespace sidecar
{
namespace
{

constexpr std::string_view access_key_suffix = "_ACCESS_KEY";
constexpr std::string_view secret_key_suffix = "_SECRET_KEY";

// Puts a key into the variables of its publication, which have all but the secret.
void
add_key_to(Publication &publication, NewKey key)
{
    for (std::size_t i = 0; i < publication.set.size(); i++) {
        Variable &variable = publication.set[i];
        if (!variable.name.ends_with(access_key_suffix))
            continue;
        const std::string prefix =
            variable.name.substr(0, variable.name.size() - access_key_suffix.size());
        variable.value = Secret(key.access_key);
        publication.set.push_back({prefix + std::string(secret_key_suffix), std::move(key.secret)});
        publication.keyed = true;
        return;
    }
}

// What it means for a delivery that the store did not make a key.
Verdict
verdict_of(const StoreResult &result)
{
    if (result.uncertain)
        return Verdict::renew;
    switch (result.status) {
    case StoreStatus::refused:
        return Verdict::unauthorized;
    case StoreStatus::not_found:
    case StoreStatus::name_taken: // the registry chooses another, and it is claimed anew
        return Verdict::refused;
    default:
        return Verdict::again;
    }
}

} // namespace

struct StorageSink::Made {
    std::int64_t publication_id;
    std::uint64_t run;
    StoreAnswer<NewKey> key;
};

// What the store's threads leave for the loop. They may outlive the sink.
struct StorageSink::Results {
    Descriptor event{eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    std::mutex mutex;
    std::vector<Made> made;

    void
    put(Made result)
    {
        {
            const std::lock_guard lock(mutex);
            made.push_back(std::move(result));
        }
        eventfd_write(event.get(), 1);
    }

    std::vector<Made>
    take()
    {
        eventfd_t count = 0;
        eventfd_read(event.get(), &count);
        const std::lock_guard lock(mutex);
        return std::exchange(made, {});
    }
};

StorageSink::StorageSink(Sink &behind, Queue &queue, OpenStore open, std::size_t threads,
                         Duration call_timeout)
    : behind_(behind), queue_(queue), call_timeout_(call_timeout),
      results_(std::make_shared<Results>()), threads_(std::move(open), threads)
{
}

StorageSink::~StorageSink() = default;

int
StorageSink::fd() const
{
    return results_->event.get();
}

void
StorageSink::start(Publication &publication)
{
    if (publication.storage.empty() || publication.keyed) {
        behind_.start(publication);
        return;
    }
    const std::uint64_t run = next_run_++;
    runs_.insert_or_assign(publication.id, Run{&publication, run, {}});
    WantedStorage storage;
    try {
        storage = read_storage(publication.storage);
    } catch (const Failure &failure) {
        fail(publication.id, Verdict::refused, failure.what());
        return;
    }
    const auto wanted = std::make_shared<std::atomic<bool>>(true);
    runs_.at(publication.id).wanted = wanted;
    const auto may_begin = [wanted, lease = publication.lease, timeout = call_timeout_] {
        return wanted->load() && (!lease || lease->lasts(SystemClock().now() + timeout));
    };
    threads_.submit([results = results_, id = publication.id, run, may_begin,
                     storage = std::move(storage)](ObjectStore &store) {
        store.guard(may_begin);
        results->put({id, run, make_key(store, storage)});
        store.guard({});
    });
}

bool
StorageSink::abort(std::int64_t publication_id)
{
    // A key that is made all the same has gone nowhere; the registry has its name.
    if (const auto found = runs_.find(publication_id); found != runs_.end()) {
        if (found->second.wanted)
            *found->second.wanted = false;
        runs_.erase(found);
        return false;
    }
    return behind_.abort(publication_id);
}

std::vector<Finished>
StorageSink::collect()
{
    for (Made &result : results_->take())
        made(std::move(result));
    std::vector<Finished> finished = behind_.collect();
    for (Finished &failed : std::exchange(finished_, {}))
        finished.push_back(std::move(failed));
    return finished;
}

void
StorageSink::wait(std::span<pollfd> fds, Duration limit)
{
    behind_.wait(fds, finished_.empty() ? limit : Duration(0));
}

// The store has answered: the registry is asked whether the claim is still ours.
void
StorageSink::made(Made made)
{
    const auto found = runs_.find(made.publication_id);
    if (found == runs_.end() || found->second.run != made.run)
        return;
    if (!made.key.ok()) {
        const StoreResult &result = made.key.result;
        // The registry knows a name that is taken by this word.
        fail(made.publication_id, verdict_of(result),
             (result.status == StoreStatus::name_taken ? "name_taken: " : "the store: ") +
                 result.text);
        return;
    }
    Run &run = found->second;
    run.key = std::move(made.key);
    queue_.record_key(made.publication_id, run.publication->claim, run.key.value.access_key,
                      [this, id = made.publication_id,
                       number = made.run](const std::variant<bool, Failure> &answer) {
                          recorded(id, number, answer);
                      });
}

void
StorageSink::recorded(std::int64_t publication_id, std::uint64_t run,
                      const std::variant<bool, Failure> &answer)
{
    const auto found = runs_.find(publication_id);
    if (found == runs_.end() || found->second.run != run)
        return;
    if (const auto *failure = std::get_if<Failure>(&answer)) {
        fail(publication_id, Verdict::again, failure->what());
        return;
    }
    if (!std::get<bool>(answer)) {
        fail(publication_id, Verdict::lost, "the claim was lost while the key was made");
        return;
    }
    Publication &publication = *found->second.publication;
    add_key_to(publication, std::move(found->second.key.value));
    runs_.erase(found);
    behind_.start(publication);
}

void
StorageSink::fail(std::int64_t publication_id, Verdict verdict, const std::string &why)
{
    const auto found = runs_.find(publication_id);
    Outcome outcome;
    outcome.verdict = verdict;
    outcome.refuser = Refuser::store;
    outcome.error = Redactor(*found->second.publication).redact(why);
    runs_.erase(found);
    finished_.push_back({publication_id, std::move(outcome)});
}

} // namespace sidecar
