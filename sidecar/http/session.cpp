// See session.hpp.
#include "http/session.hpp"

namespace sidecar
{
namespace
{

constexpr std::size_t max_bodies = 16 * 1024 * 1024; // of all connections together
constexpr std::size_t max_discarded = 16 * 1024 * 1024;
constexpr Duration discard_timeout = std::chrono::seconds(2);
constexpr Duration refusal_pause = std::chrono::milliseconds(50);

} // namespace

struct HttpSession::Exchange {
    HttpReader reader;
    std::unique_ptr<Door::Admission> admission;
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
    if (exchange.response.status == 429)
        co_await hold_back();
    const bool whole = exchange.reader.state() == HttpReader::State::done;
    const bool clear = !exchange.problem || exchange.problem->title != "invalid_request";
    const bool keep = whole && clear && exchange.reader.request().keep_alive && !shared_.draining;
    until(shared_.settings.request_timeout);
    const std::string text = response_text(exchange.response, keep);
    exchange.response.body = {}; // a client may take its time with the one copy there is
    co_await stream_->write(text);
    const std::chrono::duration<double> taken =
        std::chrono::steady_clock::now() - *exchange.received;
    shared_.door.answered(exchange.admission.get(), exchange.reader.request(), exchange.response,
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
            reader.request().local = peer_.local;
            reader.request().address = peer_.address;
            reader.request().account = peer_.account;
            if (peer_.refused)
                throw Problem(403, "forbidden", "this socket is for root and the administrators");
            exchange.admission = shared_.door.admit(reader.request());
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
    const Request &request = exchange.reader.request();
    try {
        if (exchange.problem)
            throw *exchange.problem;
        deadline_ = TimePoint::max(); // what follows has time-outs of its own
        client_gone_ = false;
        answering_ = true;
        exchange.response =
            co_await shared_.door.answer(*exchange.admission, request, client_gone_);
    } catch (const Problem &problem) {
        exchange.response = shared_.door.refuse(problem, request, exchange.admission.get());
    }
    answering_ = false; // cppcheck-suppress missingReturn ; of a coroutine
}

// Lets who asks too often wait for the refusal: a client that does not heed it would keep the loop,
// which others wait for, busy with nothing else.
asio::awaitable<void>
HttpSession::hold_back()
{
    asio::steady_timer pause(co_await asio::this_coro::executor);
    pause.expires_after(refusal_pause);
    co_await pause.async_wait(asio::use_awaitable);
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
