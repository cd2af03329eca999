// Opens a database connection in a short-lived thread. Connecting blocks, for names, for several
// hosts in turn, for the server's first answers, and only libpq's blocking call honours
// connect_timeout per host; the loop meanwhile goes on serving the sends under way.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "base/descriptor.hpp"
#include "base/failure.hpp"
#include "postgres/conninfo.hpp"
#include "postgres/libpq.hpp"

namespace sidecar
{

class Connector
{
public:
    using Opened = std::variant<Connection, Failure>;

    // Opens connections, each made ready by the statements of preparation.
    Connector(std::shared_ptr<const Conninfo> conninfo, std::vector<std::string> preparation);
    ~Connector();

    // Starts to connect; nothing when it is already under way.
    void start();
    bool
    running() const
    {
        return thread_.joinable();
    }

    // Readable when take() has something.
    int
    fd() const
    {
        return shared_->event.get();
    }

    // The connection, or why there is none; nothing while it is under way.
    std::optional<Opened> take();

private:
    // What the thread shares with this object, and may outlive it with.
    struct Shared {
        std::mutex mutex;
        std::optional<Opened> opened;
        Descriptor event;
    };

    std::shared_ptr<const Conninfo> conninfo_;
    std::vector<std::string> preparation_;
    std::shared_ptr<Shared> shared_;
    std::thread thread_;
};

} // namespace sidecar
