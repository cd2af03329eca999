// See http_producer.hpp.
#include "check_producer/http_producer.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "base/failure.hpp"
#include "base/text.hpp"

namespace sidecar
{
namespace
{

constexpr std::size_t most_of_a_body = 64 * 1024; // bytes
constexpr std::size_t most_of_a_head = 64 * 1024;

// Keeps a piece of the body; ends the transfer when there are too many.
std::size_t
keep_body(char *from, std::size_t size, std::size_t count, void *kept)
{
    auto &answer = *static_cast<ProducerAnswer *>(kept);
    const std::size_t room = most_of_a_body - answer.body.size();
    answer.body.append(from, std::min(room, size * count));
    answer.body_cut = size * count > room;
    return answer.body_cut ? 0 : size * count;
}

// Keeps a line of the header, as long as there is room.
std::size_t
keep_head(char *from, std::size_t size, std::size_t count, void *kept)
{
    auto &answer = *static_cast<ProducerAnswer *>(kept);
    if (answer.head.size() < most_of_a_head)
        answer.head.append(from, size * count);
    return size * count;
}

// Says whether a transfer failed because the other side is not whom the URL names, or speaks no
// TLS that is good enough.
bool
is_of_tls(CURLcode code)
{
    return code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CONNECT_ERROR ||
           code == CURLE_SSL_ISSUER_ERROR || code == CURLE_SSL_CIPHER;
}

// Reads from a transfer that has ended what its callbacks have not seen.
void
complete(ProducerAnswer &answer, const Easy &easy, CURLcode code, const char *error)
{
    curl_off_t micros = 0;
    curl_easy_getinfo(easy.get(), CURLINFO_TOTAL_TIME_T, &micros);
    answer.took = Duration(micros / 1000);
    if (code != CURLE_OK && !answer.body_cut) {
        answer.untrusted = is_of_tls(code);
        answer.error = error[0] != '\0' ? error : curl_easy_strerror(code);
        return;
    }
    long status = 0;
    curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &status);
    answer.status = static_cast<int>(status);
    curl_header *header = nullptr;
    if (curl_easy_header(easy.get(), "Retry-After", 0, CURLH_HEADER, -1, &header) == CURLHE_OK)
        answer.retry_after = header->value;
}

} // namespace

HttpProducer::HttpProducer(HttpProducerSettings settings, const Signals &signals)
    : settings_(std::move(settings)), authorities_(read_authorities(settings_.ca_file)),
      wrong_token_("appinfra-check-" + random_uuid()), signals_(signals), multi_(curl_multi_init())
{
    if (!multi_)
        throw Failure(Failure::Kind::give_up, "libcurl cannot be initialised");
}

ProducerAnswer
HttpProducer::send(const ProducerRequest &request)
{
    ProducerAnswer answer;
    if (interrupted_) {
        answer.error = "it was interrupted";
        return answer;
    }
    std::array<char, CURL_ERROR_SIZE> error{};
    const std::string url = settings_.url.for_app(request.app_id);
    const Headers headers = headers_of(request);
    const Easy easy = make_easy();
    set(easy, CURLOPT_URL, url.c_str());
    if (!request.body.empty()) {
        set(easy, CURLOPT_POST, 1L);
        set(easy, CURLOPT_POSTFIELDS, request.body.c_str());
        set(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    }
    set(easy, CURLOPT_HTTPHEADER, headers.get());
    set(easy, CURLOPT_USERAGENT, "appinfrad/" APPINFRA_VERSION);
    set(easy, CURLOPT_WRITEFUNCTION, &keep_body);
    set(easy, CURLOPT_WRITEDATA, &answer);
    set(easy, CURLOPT_HEADERFUNCTION, &keep_head);
    set(easy, CURLOPT_HEADERDATA, &answer);
    set(easy, CURLOPT_ERRORBUFFER, error.data());
    set(easy, CURLOPT_CONNECTTIMEOUT_MS, long{settings_.connect_timeout.count()});
    set(easy, CURLOPT_TIMEOUT_MS, long{settings_.call_timeout.count()});
    set_security(easy, authorities_);
    const CURLcode code = perform(easy);
    complete(answer, easy, code, error.data());
    if (code == CURLE_ABORTED_BY_CALLBACK)
        answer.error = "it was interrupted";
    return answer;
}

void
HttpProducer::pause(Duration time)
{
    const TimePoint end = SystemClock().now() + time;
    while (!interrupted_ && SystemClock().now() < end)
        wait(end - SystemClock().now());
}

bool
HttpProducer::interrupted() const
{
    return interrupted_;
}

void
HttpProducer::forget_interruption()
{
    interrupted_ = false;
}

// Returns the header lines of a request, the same as the sidecar's.
Headers
HttpProducer::headers_of(const ProducerRequest &request) const
{
    Headers headers;
    add_header(headers, "Accept: application/json");
    add_header(headers, "X-Request-Id: " + random_uuid());
    if (request.token == SentToken::right)
        add_header(headers, "Authorization: Bearer " + std::string(settings_.token.reveal()));
    else if (request.token == SentToken::wrong)
        add_header(headers, "Authorization: Bearer " + wrong_token_);
    if (request.body.empty())
        return headers;
    add_header(headers, "Content-Type: application/json");
    add_header(headers, "Expect:"); // no waiting for 100-continue
    add_header(headers, "Idempotency-Key: " + request.key);
    return headers;
}

// Runs a transfer to its end, or until a signal comes.
CURLcode
HttpProducer::perform(const Easy &easy)
{
    if (curl_multi_add_handle(multi_.get(), easy.get()) != CURLM_OK)
        throw Failure(Failure::Kind::retry, "libcurl does not take the request");
    CURLcode code = CURLE_ABORTED_BY_CALLBACK;
    int running = 1;
    while (running > 0 && !interrupted_) {
        if (curl_multi_perform(multi_.get(), &running) != CURLM_OK)
            break;
        if (running > 0)
            wait(std::chrono::seconds(1));
    }
    int left = 0;
    if (const CURLMsg *message = curl_multi_info_read(multi_.get(), &left))
        code = message->data.result;
    curl_multi_remove_handle(multi_.get(), easy.get());
    return code;
}

// Sleeps until a socket is ready, a signal has come or the time is over.
void
HttpProducer::wait(Duration time)
{
    curl_waitfd signal{signals_.fd(), CURL_WAIT_POLLIN, 0};
    const auto millis = std::clamp<Duration::rep>(time.count(), 1, 60'000);
    curl_multi_poll(multi_.get(), &signal, 1, static_cast<int>(millis), nullptr);
    interrupted_ = interrupted_ || signals_.take() != 0;
}

} // namespace sidecar
