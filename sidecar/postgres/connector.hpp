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

#include <libpq-fe.h>

#include "base/failure.hpp"
#include "postgres/conninfo.hpp"

namespace sidecar
{

struct ConnectionRelease {
    void
    operator()(PGconn *connection) const
    {
        PQfinish(connection);
    }
};
// Overwrites every value where it stands, then releases: a row may hold a DSN.
struct ResultRelease {
    void operator()(PGresult *result) const;
};
using Connection = std::unique_ptr<PGconn, ConnectionRelease>;
using Rows = std::unique_ptr<PGresult, ResultRelease>;

class Connector
{
public:
    using Opened = std::variant<Connection, Failure>;

    // Connects and runs the statements, in this thread.
    static Opened connect(const Conninfo &conninfo, const std::vector<std::string> &preparation);

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
        return event_;
    }

    // The connection, or why there is none; nothing while it is under way.
    std::optional<Opened> take();

private:
    struct Shared {
        std::mutex mutex;
        std::optional<Opened> opened;
        int event = -1;
        ~Shared();
    };

    std::shared_ptr<const Conninfo> conninfo_;
    std::vector<std::string> preparation_;
    std::shared_ptr<Shared> shared_;
    int event_;
    std::thread thread_;
};

// The Failure a failed statement stands for; rows may be null when the connection broke.
Failure failure_of(const PGconn *connection, const PGresult *rows);

} // namespace sidecar
