// See api_door.hpp.
#include "rest/api_door.hpp"

#include <utility>

namespace sidecar
{
namespace
{

struct ApiAdmission final : Door::Admission {
    explicit ApiAdmission(Api::Admission admission) : api(std::move(admission))
    {
    }
    Api::Admission api;
};

const Route *
route_of(const Door::Admission *admission)
{
    return admission == nullptr ? nullptr
                                : static_cast<const ApiAdmission &>(*admission).api.match.route;
}

} // namespace

std::unique_ptr<Door::Admission>
ApiDoor::admit(const Request &request)
{
    return std::make_unique<ApiAdmission>(api_.admit(request));
}

asio::awaitable<Response>
ApiDoor::answer(Admission &admission, const Request &request, const bool &)
{
    Api::Reply reply = api_.answer(static_cast<ApiAdmission &>(admission).api, request);
    if (auto *response = std::get_if<Response>(&reply))
        co_return std::move(*response);
    if (auto *look = std::get_if<Look>(&reply))
        co_return co_await take_look(std::move(*look));
    co_return co_await run_task(std::get<Task>(std::move(reply)));
}

Response
ApiDoor::refuse(const Problem &problem, const Request &, const Admission *)
{
    return response_of(problem);
}

void
ApiDoor::answered(const Admission *admission, const Request &, const Response &response,
                  double seconds)
{
    const Route *route = route_of(admission);
    metrics_.answered(route != nullptr ? route->path : "none",
                      route != nullptr ? route->method : "-", response.status, seconds);
}

void
ApiDoor::connections(std::size_t open)
{
    metrics_.connections(open);
}

// Has the task run by the threads that serve requests.
asio::awaitable<Response>
ApiDoor::run_task(Task task)
{
    auto response = co_await wait_for(workers_, std::move(task), request_timeout_);
    co_return response ? std::move(*response)
                       : response_of(database_unavailable("the database did not answer in time"));
}

// Has somebody look at the database, and waits no longer than a client should.
asio::awaitable<Response>
ApiDoor::take_look(Look look)
{
    try {
        auto response = co_await wait_for(watchers_, std::move(look.task), look.patience);
        if (response)
            co_return std::move(*response);
    } catch (const Problem &) {
        // Too many wait already: that it does not answer is what there is to tell.
    }
    co_return look.late();
}

// Has the task run, and returns its response; nothing when that takes longer than limit. Throws a
// Problem when too many wait already.
asio::awaitable<std::optional<Response>>
ApiDoor::wait_for(DatabaseWorkers &workers, Task task, Duration limit)
{
    struct Waiting {
        asio::steady_timer timer;
        std::optional<Response> response;
    };
    auto waiting = std::make_shared<Waiting>(Waiting{asio::steady_timer(*io_), {}});
    waiting->timer.expires_after(limit);
    const auto done = [io = io_, waiting](Response response) {
        asio::post(*io, [waiting, response = std::move(response)]() mutable {
            waiting->response = std::move(response);
            waiting->timer.cancel();
        });
    };
    if (!workers.submit(std::move(task), done))
        throw database_unavailable("too many requests wait for the database");
    boost::system::error_code ended;
    co_await waiting->timer.async_wait(asio::redirect_error(asio::use_awaitable, ended));
    co_return std::move(waiting->response);
}

} // namespace sidecar
