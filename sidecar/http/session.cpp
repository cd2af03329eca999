// See session.hpp.
#include "http/session.hpp"

namespace sidecar
{
namespace
{

constexpr std::size_t max_bodies = 16 * 1024 * 1024; // of all connections together
constexpr std::size_t max_discarded = 16 * 1024 * 1024;
constexpr Duration discard_timeout = std::chrono::seconds(2);

} // namespace

struct HttpSession::Exchange {
    HttpReader reader;
    std::optional<Api::Admission> admission;
    std::optional<Problem> problem;
    std::size_t counted = 0; // of the body, in HttpSessionContext::bodies
    bool go_on = false;      // the client is to be told to send the body
    Response response;
    std::optional<std::chrono::steady_clock::time_point> received;
};

asio::awaitable<void>
HttpSession::run()
{
    try {
        co_await stream_->open();
        while (co_await serve_one())
            ;
    } catch (const std::exception &) {
        // The connection broke, or was closed because its time was over.
    }
    stream_->close();
}

// Reads one request and answers it; false when the connection is to end.
asio::awaitable<bool>
HttpSession::serve_one()
{
    Exchange exchange;
    idle_ = unread_.empty();
    idle_since_ = shared_.clock.now();
    until(idle_ ? shared_.settings.idle_timeout : shared_.settings.head_timeout);
    co_await receive(exchange);
    idle_ = false;
    if (!exchange.received)
        co_return false;
    co_await answer(exchange);
    count_body(exchange, 0);
    const bool whole = exchange.reader.state() == HttpReader::State::done;
    const bool clear = !exchange.problem || exchange.problem->title != "invalid_request";
    const bool keep = whole && clear && exchange.reader.request().keep_alive && !shared_.draining;
    until(shared_.settings.request_timeout);
    const std::string text = response_text(exchange.response, keep);
    co_await stream_->write(text);
    const Route *route = exchange.admission ? exchange.admission->match.route : nullptr;
    const std::chrono::duration<double> taken =
        std::chrono::steady_clock::now() - *exchange.received;
    shared_.metrics.answered(route != nullptr ? route->path : "none",
                             route != nullptr ? route->method : "-", exchange.response.status,
                             taken.count());
    if (keep)
        co_return true;
    stream_->end_sending();
    if (!whole)
        co_await discard();
    co_return false;
}

// Reads until the request is there, or is refused, or the connection ends.
asio::awaitable<void>
HttpSession::receive(Exchange &exchange)
{
    while (!exchange.received) {
        advance(exchange);
        if (exchange.go_on) {
            exchange.go_on = false;
            static const std::string go_on = "HTTP/1.1 100 Continue\r\n\r\n";
            co_await stream_->write(go_on);
        }
        if (!exchange.received && !co_await receive_more(exchange))
            break;
    }
    if (!exchange.received)
        count_body(exchange, 0); // cppcheck-suppress missingReturn ; of a coroutine
}

// Waits for further bytes; false when there are none.
asio::awaitable<bool>
HttpSession::receive_more(Exchange &exchange)
{
    std::size_t size = 0;
    try {
        if (!idle_) // in the middle of a request
            stream_->acknowledge();
        size = co_await stream_->read(asio::buffer(part_));
    } catch (...) {
        count_body(exchange, 0);
        throw;
    }
    if (idle_) { // the first byte of a request
        idle_ = false;
        until(shared_.settings.head_timeout);
    }
    unread_.append(part_.data(), size);
    co_return size > 0;
}

// Goes through what has been read. What the head already decides is decided before the body comes.
void
HttpSession::advance(Exchange &exchange)
{
    HttpReader &reader = exchange.reader;
    try {
        if (!unread_.empty())
            unread_.erase(0, reader.feed(unread_));
        if (unread_.empty())
            unread_.shrink_to_fit();
        if (reader.state() != HttpReader::State::head && !exchange.admission) {
            reader.request().local = local_;
            reader.request().address = address_;
            exchange.admission = shared_.api.admit(reader.request());
            exchange.go_on = reader.expects_continue() && reader.state() == HttpReader::State::body;
            until(shared_.settings.request_timeout);
        }
        count_body(exchange, reader.body_size());
        if (shared_.bodies > max_bodies) {
            Problem problem(503, "overloaded", "too much is being received");
            problem.retry_after = 1;
            throw problem;
        }
        if (reader.state() == HttpReader::State::done)
            exchange.received = std::chrono::steady_clock::now();
    } catch (const Problem &problem) {
        exchange.problem = problem;
        exchange.received = std::chrono::steady_clock::now();
    }
}

// Sets the exchange's response.
asio::awaitable<void>
HttpSession::answer(Exchange &exchange)
{
    try {
        if (exchange.problem)
            throw *exchange.problem;
        Api::Reply reply = shared_.api.answer(*exchange.admission, exchange.reader.request());
        if (auto *response = std::get_if<Response>(&reply)) {
            exchange.response = std::move(*response);
            co_return;
        }
        deadline_ = TimePoint::max(); // what follows has time-outs of its own
        if (auto *look = std::get_if<Look>(&reply))
            exchange.response = co_await take_look(std::move(*look));
        else
            exchange.response = co_await run_task(std::get<Task>(std::move(reply)));
    } catch (const Problem &problem) {
        exchange.response = response_of(problem);
    }
}

// Has the task run by the threads that serve requests.
asio::awaitable<Response>
HttpSession::run_task(Task task)
{
    auto response =
        co_await wait_for(shared_.workers, std::move(task), shared_.settings.request_timeout);
    co_return response ? std::move(*response)
                       : response_of(database_unavailable("the database did not answer in time"));
}

// Has somebody look at the database, and waits no longer than a client should.
asio::awaitable<Response>
HttpSession::take_look(Look look)
{
    try {
        auto response = co_await wait_for(shared_.watchers, std::move(look.task), look.patience);
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
HttpSession::wait_for(DatabaseWorkers &workers, Task task, Duration limit)
{
    struct Waiting {
        asio::steady_timer timer;
        std::optional<Response> response;
    };
    auto waiting = std::make_shared<Waiting>(Waiting{asio::steady_timer(*shared_.io), {}});
    waiting->timer.expires_after(limit);
    const auto done = [io = shared_.io, waiting](Response response) {
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

// Reads what the client goes on sending, for a while: closing at once would make its side drop the
// response that it has not read yet.
asio::awaitable<void>
HttpSession::discard()
{
    until(discard_timeout);
    std::size_t discarded = unread_.size();
    while (discarded < max_discarded)
        discarded += co_await stream_->read(asio::buffer(part_));
}

void
HttpSession::count_body(Exchange &exchange, std::size_t size)
{
    shared_.bodies += size - exchange.counted;
    exchange.counted = size;
}

void
HttpSession::until(Duration limit)
{
    deadline_ = shared_.clock.now() + limit;
}

} // namespace sidecar
