// The API's door of a server: what takes time is done by the database's threads.
#pragma once

#include <memory>
#include <optional>

#include "platform/database_workers.hpp"
#include "platform/door.hpp"
#include "rest/api.hpp"
#include "rest/metrics.hpp"

namespace sidecar
{

class ApiDoor final : public Door
{
public:
    // io is the server's loop; the database's threads may hand in a response after it has ended.
    ApiDoor(std::shared_ptr<asio::io_context> io, Api &api, DatabaseWorkers &workers,
            DatabaseWorkers &watchers, Metrics &metrics, Duration request_timeout)
        : io_(std::move(io)), api_(api), workers_(workers), watchers_(watchers), metrics_(metrics),
          request_timeout_(request_timeout)
    {
    }

    std::unique_ptr<Admission> admit(const Request &request) override;
    asio::awaitable<Response> answer(Admission &admission, const Request &request,
                                     const bool &client_gone) override;
    Response refuse(const Problem &problem, const Request &request,
                    const Admission *admission) override;
    void answered(const Admission *admission, const Request &request, const Response &response,
                  double seconds) override;
    void connections(std::size_t open) override;

private:
    asio::awaitable<Response> run_task(Task task);
    asio::awaitable<Response> take_look(Look look);
    asio::awaitable<std::optional<Response>> wait_for(DatabaseWorkers &workers, Task task,
                                                      Duration limit);

    std::shared_ptr<asio::io_context> io_;
    Api &api_;
    DatabaseWorkers &workers_;
    DatabaseWorkers &watchers_; // read what is told to everyone
    Metrics &metrics_;
    Duration request_timeout_;
};

} // namespace sidecar
