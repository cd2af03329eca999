// See shared_sink.hpp.
#include "delivery/shared_sink.hpp"

#include <iterator>
#include <utility>

namespace sidecar
{

void
SharedSink::start(Publication &publication)
{
    started_.insert(publication.id);
    common_->sink->start(publication);
}

bool
SharedSink::abort(std::int64_t publication_id)
{
    started_.erase(publication_id);
    std::erase_if(common_->ended, [&](const Finished &finished) {
        return finished.publication_id == publication_id;
    });
    return common_->sink->abort(publication_id);
}

std::vector<Finished>
SharedSink::collect()
{
    std::vector<Finished> news = common_->sink->collect();
    std::move(news.begin(), news.end(), std::back_inserter(common_->ended));
    std::vector<Finished> ours;
    std::erase_if(common_->ended, [&](Finished &finished) {
        if (started_.erase(finished.publication_id) == 0)
            return false;
        ours.push_back(std::move(finished));
        return true;
    });
    return ours;
}

void
SharedSink::wait(std::span<pollfd> fds, Duration limit)
{
    common_->sink->wait(fds, common_->ended.empty() ? limit : Duration(0));
}

} // namespace sidecar
