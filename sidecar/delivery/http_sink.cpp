// See http_sink.hpp.
#include "delivery/http_sink.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/backoff.hpp"
#include "base/failure.hpp"
#include "base/text.hpp"
#include "delivery/redactor.hpp"

namespace sidecar
{
namespace
{

constexpr std::size_t max_answer = 64 * 1024; // bytes of a body that are read

} // namespace

// One request under way. Its address is known to libcurl.
struct HttpSink::Transfer {
    const Publication *publication = nullptr;
    Easy easy;
    Headers headers;
    Secret body;
    std::size_t body_sent = 0;
    bool body_asked = false;   // sticky: libcurl may start over on another connection
    bool started_over = false; // what was sent before may have been stored, whatever is answered
    std::string answer;
    bool answer_cut = false;
    std::array<char, CURL_ERROR_SIZE> error{};

    static std::size_t
    read_body(char *to, std::size_t size, std::size_t count, void *self)
    {
        auto &transfer = *static_cast<Transfer *>(self);
        transfer.body_asked = true;
        const std::string_view rest = transfer.body.reveal().substr(transfer.body_sent);
        const std::size_t now = std::min(size * count, rest.size());
        std::memcpy(to, rest.data(), now);
        transfer.body_sent += now;
        return now;
    }

    static int
    rewind_body(void *self, curl_off_t offset, int origin)
    {
        auto &transfer = *static_cast<Transfer *>(self);
        if (origin != SEEK_SET || offset < 0 ||
            static_cast<std::size_t>(offset) > transfer.body.size())
            return CURL_SEEKFUNC_FAIL;
        transfer.body_sent = static_cast<std::size_t>(offset);
        transfer.started_over = true;
        return CURL_SEEKFUNC_OK;
    }

    static std::size_t
    write_answer(char *from, std::size_t size, std::size_t count, void *self)
    {
        auto &transfer = *static_cast<Transfer *>(self);
        if (transfer.answer.size() + size * count > max_answer) {
            transfer.answer_cut = true;
            return 0; // ends the transfer
        }
        transfer.answer.append(from, size * count);
        return size * count;
    }
};

HttpSink::HttpSink(HttpSinkSettings settings, const Clock &clock)
    : settings_(std::move(settings)), authorities_(read_authorities(settings_.ca_file)),
      clock_(clock), multi_(curl_multi_init())
{
    if (!multi_)
        throw Failure(Failure::Kind::give_up, "libcurl cannot be initialised");
    const long connections = static_cast<long>(settings_.connections);
    curl_multi_setopt(multi_.get(), CURLMOPT_MAXCONNECTS, connections);
}

HttpSink::~HttpSink()
{
    while (!transfers_.empty())
        end(transfers_.begin());
}

void
HttpSink::start(Publication &publication)
{
    auto transfer = std::make_unique<Transfer>();
    try {
        transfer->publication = &publication;
        transfer->easy = take_easy();
        transfer->body = request_body(publication);
        prepare(*transfer);
        if (curl_multi_add_handle(multi_.get(), transfer->easy.get()) != CURLM_OK)
            throw Failure(Failure::Kind::retry, "libcurl does not take the request");
    } catch (const Failure &failure) {
        Outcome outcome;
        outcome.verdict =
            failure.kind() == Failure::Kind::give_up ? Verdict::refused : Verdict::again;
        outcome.error = Redactor(publication).redact(failure.what());
        finished_.push_back({publication.id, std::move(outcome)});
        return;
    }
    transfers_[publication.id] = std::move(transfer);
    int running = 0;
    curl_multi_perform(multi_.get(), &running); // gets it on its way before the next wait
}

bool
HttpSink::abort(std::int64_t publication_id)
{
    const auto found = transfers_.find(publication_id);
    if (found == transfers_.end())
        return false;
    const bool maybe_stored = found->second->body_asked;
    end(found);
    return maybe_stored;
}

std::vector<Finished>
HttpSink::collect()
{
    std::vector<Finished> finished = std::exchange(finished_, {});
    int running = 0;
    int left = 0;
    curl_multi_perform(multi_.get(), &running);
    while (const CURLMsg *message = curl_multi_info_read(multi_.get(), &left)) {
        if (message->msg != CURLMSG_DONE)
            continue;
        const auto found =
            std::find_if(transfers_.begin(), transfers_.end(), [&](const auto &entry) {
                return entry.second->easy.get() == message->easy_handle;
            });
        if (found == transfers_.end())
            continue;
        finished.push_back({found->first, outcome_of(*found->second, message->data.result)});
        end(found); // message is gone after this
    }
    return finished;
}

void
HttpSink::wait(std::span<pollfd> fds, Duration limit)
{
    std::vector<curl_waitfd> extra;
    for (const pollfd &fd : fds)
        extra.push_back({fd.fd, fd.events, 0}); // CURL_WAIT_* have the values of POLL*
    const auto millis = std::clamp<Duration::rep>(limit.count(), 0, 60'000);
    curl_multi_poll(multi_.get(), extra.data(), static_cast<unsigned>(extra.size()),
                    finished_.empty() ? static_cast<int>(millis) : 0, nullptr);
    for (std::size_t i = 0; i < fds.size(); i++)
        fds[i].revents = extra[i].revents;
}

void
HttpSink::renew(Tokens tokens, const std::string &ca_file)
{
    authorities_ = read_authorities(ca_file);
    settings_.tokens = std::move(tokens);
}

// Returns the token of the publication's producer; nothing of another's is claimed.
std::string_view
HttpSink::token_of(const Publication &publication) const
{
    const auto found = settings_.tokens.find(publication.producer);
    return found == settings_.tokens.end() ? std::string_view() : found->second.reveal();
}

Easy
HttpSink::take_easy()
{
    if (spare_.empty())
        return make_easy();
    Easy easy = std::move(spare_.back());
    spare_.pop_back();
    return easy;
}

void
HttpSink::prepare(Transfer &transfer) const
{
    const Easy &easy = transfer.easy;
    const Publication &publication = *transfer.publication;
    const std::string url = settings_.url.for_app(publication.app_id);
    add_header(transfer.headers, "Content-Type: application/json");
    add_header(transfer.headers, "Accept: application/json");
    add_header(transfer.headers, "Expect:"); // no waiting for 100-continue
    add_header(transfer.headers,
               "Idempotency-Key: " + publication.host_id + "-" + publication.claim);
    add_header(transfer.headers, "X-Request-Id: " + random_uuid());
    add_header(transfer.headers, "Authorization: Bearer " + std::string(token_of(publication)));
    set(easy, CURLOPT_URL, url.c_str());
    set(easy, CURLOPT_POST, 1L);
    set(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(transfer.body.size()));
    set(easy, CURLOPT_HTTPHEADER, transfer.headers.get());
    set(easy, CURLOPT_USERAGENT, "appinfrad/" APPINFRA_VERSION);
    set(easy, CURLOPT_READFUNCTION, &Transfer::read_body);
    set(easy, CURLOPT_READDATA, &transfer);
    set(easy, CURLOPT_SEEKFUNCTION, &Transfer::rewind_body);
    set(easy, CURLOPT_SEEKDATA, &transfer);
    set(easy, CURLOPT_WRITEFUNCTION, &Transfer::write_answer);
    set(easy, CURLOPT_WRITEDATA, &transfer);
    set(easy, CURLOPT_ERRORBUFFER, transfer.error.data());
    set(easy, CURLOPT_CONNECTTIMEOUT_MS, long{settings_.connect_timeout.count()});
    set(easy, CURLOPT_TIMEOUT_MS, long{settings_.call_timeout.count()});
    set(easy, CURLOPT_UPLOAD_BUFFERSIZE, 16384L);
    set_security(easy, authorities_);
}

void
HttpSink::end(std::map<std::int64_t, std::unique_ptr<Transfer>>::iterator transfer)
{
    Easy easy = std::move(transfer->second->easy);
    curl_multi_remove_handle(multi_.get(), easy.get());
    curl_easy_reset(easy.get()); // lets go of headers, body and callbacks
    transfers_.erase(transfer);
    if (spare_.size() < settings_.connections)
        spare_.push_back(std::move(easy));
}

Outcome
HttpSink::outcome_of(const Transfer &transfer, CURLcode code) const
{
    long status = 0;
    curl_easy_getinfo(transfer.easy.get(), CURLINFO_RESPONSE_CODE, &status);
    Redactor redactor(*transfer.publication);
    redactor.add(token_of(*transfer.publication));
    Outcome outcome;
    if (code == CURLE_OK || transfer.answer_cut) {
        outcome = classify_answer(static_cast<int>(status),
                                  transfer.answer_cut ? std::string() : transfer.answer);
        outcome.maybe_stored = outcome.maybe_stored || transfer.started_over;
        curl_header *header = nullptr;
        if (curl_easy_header(transfer.easy.get(), "Retry-After", 0, CURLH_HEADER, -1, &header) ==
            CURLHE_OK)
            outcome.retry_after = retry_after(header->value, clock_.wall());
    } else {
        outcome.verdict = Verdict::again;
        outcome.maybe_stored = transfer.body_asked;
        outcome.error =
            transfer.error[0] != '\0' ? transfer.error.data() : curl_easy_strerror(code);
    }
    outcome.error = redactor.redact(outcome.error);
    return outcome;
}

} // namespace sidecar
