// See producer.hpp.
#include "doctor/producer.hpp"

#include <cstdlib>
#include <ctime>

#include "base/curl.hpp"
#include "base/failure.hpp"
#include "base/url.hpp"

namespace sidecar
{
namespace
{

constexpr const char *nobodys_app = "appinfrad-doctor";
constexpr long far_off = 30; // seconds; a header of HTTP is exact to one

ProducerReply
ask(const ProducerAccess &access)
{
    JsonPost request;
    request.url = ProducerUrl(access.url, access.path, access.allow_plaintext).for_app(nobodys_app);
    request.body = "{}";
    request.authorization = "Bearer ";
    request.authorization += access.token.reveal();
    request.ca_file = access.ca_file;
    request.connect_timeout = access.connect_timeout;
    request.call_timeout = access.call_timeout;
    const PostAnswer answer = post_json(request);
    ProducerReply reply{answer.status};
    const std::time_t said = curl_getdate(answer.date.c_str(), nullptr);
    if (said != -1)
        reply.clock_ahead = static_cast<long>(said - std::time(nullptr));
    return reply;
}

} // namespace

void
judge_producer(const ProducerReply &answer, CheckResults &results)
{
    const std::string said = "it answered " + std::to_string(answer.status);
    if (answer.status == 401 || answer.status == 403)
        results.fail("producer", said + ": it refuses the token",
                     "put the right one into the file of --token-file, then restart the sidecar");
    else if (answer.status == 404)
        results.warn("producer", said + ": nothing is there, or it knows its apps by name",
                     "compare --producer-url and --producer-path with the producer's own");
    else if (answer.status >= 500 || answer.status < 200 || answer.status / 100 == 3)
        results.fail("producer", said + ", which no producer should",
                     "look into its log; see docs/producer.md");
    else
        results.ok("producer", "it answers, and takes the token");
    if (std::labs(answer.clock_ahead) > far_off)
        results.warn("clock",
                     "the producer's is " + std::to_string(answer.clock_ahead) +
                         " s ahead of this machine's",
                     "set both by NTP");
}

void
look_at_producer(const ProducerAccess &access, CheckResults &results)
{
    try {
        judge_producer(ask(access), results);
    } catch (const Failure &failure) {
        results.fail("producer", access.url + ": " + failure.what(),
                     "start it, or correct --producer-url and --producer-ca");
    }
}

} // namespace sidecar
