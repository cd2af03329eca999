// The other sink: DIR/<app_id>/app.env, for a container's target DIR/<app_id>/<container>.env, and
// for a service's DIR/<app_id>/svc/<service_id>/<host_id>/app.env. An app or a container may have
// another path. It works at once, in start(); several sidecars may share one DIR, because every
// file has a lock.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "delivery/env_file.hpp"
#include "delivery/env_versions.hpp"
#include "delivery/sink.hpp"

namespace sidecar
{

// The absolute paths of the files that are not below DIR, by target.
using EnvPaths = std::map<std::string, std::string, std::less<>>;

class FileSink final : public Sink
{
public:
    explicit FileSink(std::string root, EnvPaths paths = {})
        : root_(std::move(root)), paths_(std::move(paths))
    {
    }

    void start(Publication &publication) override;
    bool abort(std::int64_t publication_id) override;
    std::vector<Finished> collect() override;
    void wait(std::span<pollfd> fds, Duration limit) override;

    // Delivers one publication, and says what came of it.
    Outcome deliver(const Publication &publication) const;

private:
    std::string root_;
    EnvPaths paths_;
    std::vector<Finished> finished_;
};

// The container of its app whose environment a publication is for; empty when it is for another.
std::string container_of(const Publication &publication);

// The names of the folders of a target below DIR.
std::vector<std::string> folders_of(const Publication &publication);

} // namespace sidecar
