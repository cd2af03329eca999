// The doors of the platform, put together: the threads for the database, the use cases behind REST
// and MCP, metrics, and the server or the standard input they are reached by.
#pragma once

#include <memory>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/service_status.hpp"
#include "daemon/options.hpp"
#include "postgres/conninfo.hpp"

namespace sidecar
{

class Doors
{
public:
    // Opens the doors that the options name. Throws a configuration Failure when it cannot.
    Doors(const Options &options, std::shared_ptr<const Conninfo> conninfo, Board &board, Log &log);
    ~Doors();
    Doors(const Doors &) = delete;
    Doors &operator=(const Doors &) = delete;

    // Lets nobody in any more; who is inside is served.
    void drain();

    // Whether nobody is inside.
    bool idle() const;

    // Whether whoever we were started for has gone: the end of standard input.
    bool deserted() const;

    // Reads the files with keys and certificates again; throws a configuration Failure, and changes
    // nothing, when they are wrong.
    void renew(DoorOptions fresh);

private:
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

} // namespace sidecar
