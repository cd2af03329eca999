// See producer.hpp.
#include "doctor/producer.hpp"

#include <array>
#include <cstdlib>
#include <ctime>

#include "base/curl.hpp"
#include "base/failure.hpp"
#include "base/text.hpp"
#include "base/url.hpp"
#include "base/wipe.hpp"

namespace sidecar
{
namespace
{

constexpr const char *nobodys_app = "appinfrad-doctor";
constexpr long far_off = 30; // seconds; a header of HTTP is exact to one

std::size_t
leave_unread(char *, std::size_t size, std::size_t count, void *)
{
    return size * count;
}

ProducerAnswer
ask(const ProducerAccess &access)
{
    const std::string body = "{}";
    const std::string url =
        ProducerUrl(access.url, access.path, access.allow_plaintext).for_app(nobodys_app);
    const Easy easy = make_easy();
    Headers headers;
    add_header(headers, "Content-Type: application/json");
    std::string authorization = "Authorization: Bearer ";
    authorization += access.token.reveal();
    add_header(headers, authorization);
    std::array<char, CURL_ERROR_SIZE> error{};
    set(easy, CURLOPT_URL, url.c_str());
    set(easy, CURLOPT_HTTPHEADER, headers.get());
    set(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    set(easy, CURLOPT_POSTFIELDS, body.data());
    set(easy, CURLOPT_WRITEFUNCTION, &leave_unread);
    set(easy, CURLOPT_ERRORBUFFER, error.data());
    set(easy, CURLOPT_USERAGENT, "appinfrad/" APPINFRA_VERSION);
    set(easy, CURLOPT_CONNECTTIMEOUT_MS, long{access.connect_timeout.count()});
    set(easy, CURLOPT_TIMEOUT_MS, long{access.call_timeout.count()});
    set_security(easy, read_authorities(access.ca_file));
    const CURLcode code = curl_easy_perform(easy.get());
    if (code != CURLE_OK)
        throw Failure(Failure::Kind::retry,
                      clean_text(error[0] != '\0' ? error.data() : curl_easy_strerror(code)));
    ProducerAnswer answer;
    curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &answer.status);
    curl_header *date = nullptr;
    if (curl_easy_header(easy.get(), "Date", 0, CURLH_HEADER, -1, &date) == CURLHE_OK)
        if (const std::time_t said = curl_getdate(date->value, nullptr); said != -1)
            answer.clock_ahead = static_cast<long>(said - std::time(nullptr));
    return answer;
}

} // namespace

void
judge_producer(const ProducerAnswer &answer, CheckResults &results)
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
