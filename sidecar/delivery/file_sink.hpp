// The other sink: DIR/<app_id>/app.env, and for a service's target
// DIR/<app_id>/svc/<service_id>/<host_id>/app.env. It works at once, in start(); several sidecars
// may share one DIR, because every target's folder has a lock.
#pragma once

#include <string>
#include <vector>

#include "delivery/env_file.hpp"
#include "delivery/env_versions.hpp"
#include "delivery/sink.hpp"

namespace sidecar
{

class FileSink final : public Sink
{
public:
    explicit FileSink(std::string root) : root_(std::move(root))
    {
    }

    void start(const Publication &publication) override;
    bool abort(std::int64_t publication_id) override;
    std::vector<Finished> collect() override;
    void wait(std::span<pollfd> fds, Duration limit) override;

    // Delivers one publication, and says what came of it.
    Outcome deliver(const Publication &publication) const;

private:
    std::string root_;
    std::vector<Finished> finished_;
};

// The names of the folders of a target below DIR.
std::vector<std::string> folders_of(const Publication &publication);

} // namespace sidecar
