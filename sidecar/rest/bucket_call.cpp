// See bucket_call.hpp.
#include "rest/bucket_call.hpp"

#include <algorithm>
#include <utility>

#include "platform/error_table.hpp"

namespace sidecar
{
namespace
{

constexpr Duration first_bucket_pause = std::chrono::milliseconds(20);
constexpr Duration longest_bucket_pause = std::chrono::milliseconds(250);

struct BucketCall {
    const Route &route;
    std::shared_ptr<const Call> call;
    const Clock &clock;
    TimePoint deadline;
    use_cases::BucketPoll poll{};
};

// Asks how far the use case is, after a pause; the next question comes after a longer one.
Task
next_question(std::shared_ptr<BucketCall> call, Duration pause)
{
    return {[call, pause](Database &database) -> TaskResult {
                const bool last = call->clock.now() >= call->deadline;
                auto answer =
                    answering_by(use_case_errors, [&] { return call->poll(database, last); });
                if (answer)
                    return response_to(call->route, std::move(*answer));
                return next_question(call, std::min(2 * pause, longest_bucket_pause));
            },
            true, pause};
}

} // namespace

Response
response_to(const Route &route, use_cases::Answer answer)
{
    Response response;
    response.status = answer.status != 0                     ? answer.status
                      : route.takes_key() && !answer.created ? 200
                                                             : route.success;
    response.body = std::move(answer.json);
    response.secret = answer.secret;
    return response;
}

Task
start_bucket_call(const Route &route, std::shared_ptr<const Call> call, const Clock &clock,
                  Duration wait)
{
    auto run =
        std::make_shared<BucketCall>(BucketCall{route, std::move(call), clock, clock.now() + wait});
    return {[run](Database &database) -> TaskResult {
                auto begun = answering_by(use_case_errors,
                                          [&] { return run->route.begin(database, *run->call); });
                if (auto *answer = std::get_if<use_cases::Answer>(&begun))
                    return response_to(run->route, std::move(*answer));
                run->poll = std::get<use_cases::BucketPoll>(std::move(begun));
                return next_question(run, first_bucket_pause);
            },
            true, Duration(0)};
}

} // namespace sidecar
