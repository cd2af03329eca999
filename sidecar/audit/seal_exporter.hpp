// Carries the seals of the audit log out of the host as they are made: into the log, or by POST to
// a URL. Each holds the whole history, so that one that could not be carried is made up for by the
// next. A thread with a connection of its own, since neither may hold up a delivery.
#pragma once

#include <memory>
#include <string>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "postgres/conninfo.hpp"

namespace sidecar
{

struct SealExporterSettings {
    std::shared_ptr<const Conninfo> conninfo;
    std::string url; // empty: into the log
    std::string ca_file;
    bool allow_plaintext = false;
    Duration poll{};
    Duration call_timeout{};
};

class SealExporter
{
public:
    // Starts. Throws a configuration Failure when the URL is not one a head may go to.
    SealExporter(SealExporterSettings settings, const Log &log);

    // Tells the thread to end and leaves it behind: it may be in the middle of a connect.
    ~SealExporter();
    SealExporter(const SealExporter &) = delete;
    SealExporter &operator=(const SealExporter &) = delete;

private:
    class Loop;

    std::shared_ptr<Loop> loop_;
};

} // namespace sidecar
