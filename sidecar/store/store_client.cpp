// See store_client.hpp.
#include "store/store_client.hpp"

#include <algorithm>
#include <array>

#include "base/failure.hpp"
#include "base/text.hpp"

namespace sidecar
{
namespace
{

constexpr std::size_t max_answer = 16 << 20; // bytes; the names of all buckets are the longest

// Keeps what comes; ends the transfer when it is more than any answer has.
std::size_t
keep_answer(char *data, std::size_t size, std::size_t count, void *body)
{
    auto &text = *static_cast<std::string *>(body);
    if (text.size() + size * count > max_answer)
        return 0;
    text.append(data, size * count);
    return size * count;
}

// The request's address with its parameters as the signature wants them.
std::string
address_of(const StoreRequest &request)
{
    auto parameters = request.parameters;
    std::ranges::sort(parameters);
    std::string address = request.url;
    char before = '?';
    for (const auto &[name, value] : parameters) {
        address += before + percent_encode(name) + "=" + percent_encode(value);
        before = '&';
    }
    return address;
}

// What the store calls its refusal: XML of the S3 door, JSON of an administration door.
std::string
code_of(const std::string &body)
{
    const Json document = parse_json(body);
    std::string code;
    if (!json_is_object(document.get()))
        code = element_of(body, "Code");
    else if (auto named = string_member(document, "Code"))
        code = std::move(*named);
    else if (auto garage = string_member(document, "code"))
        code = std::move(*garage);
    return cut_text(clean_text(code), 64);
}

// Codes that say that the sidecar's own key, rights or clock are wrong.
const char *
our_fault(const std::string &code)
{
    if (code == "RequestTimeTooSkewed")
        return "; the clock of this machine or of the store is off";
    if (code == "TooManyBuckets")
        return "; the platform's user needs max-buckets=0";
    static constexpr std::array faults = {
        "SignatureDoesNotMatch", "InvalidAccessKeyId", "AccessDenied",
        "UserSuspended",         "Unauthorized",       "Forbidden",
    };
    return std::ranges::find(faults, code) != faults.end()
               ? "; the store refuses our key, or what it may do"
               : nullptr;
}

bool
says_absent(const std::string &code)
{
    return code == "NoSuchBucket" || code == "NoSuchUser" || code == "NoSuchKey" ||
           code == "NoSuchAccessKey";
}

} // namespace

StoreClient::StoreClient(StoreClientSettings settings)
    : settings_(std::move(settings)), authorities_(read_authorities(settings_.ca_file)),
      easy_(make_easy())
{
}

StoreReply
StoreClient::send(const StoreRequest &request)
{
    StoreReply reply;
    if (may_begin_ && !may_begin_()) {
        reply.error = "too little of the lease is left";
        reply.code = "LeaseOver";
        return reply;
    }
    curl_easy_reset(easy_.get());
    Headers headers;
    std::array<char, CURL_ERROR_SIZE> error{};
    prepare(request, headers);
    set(easy_, CURLOPT_HTTPHEADER, headers.get());
    set(easy_, CURLOPT_ERRORBUFFER, error.data());
    set(easy_, CURLOPT_WRITEDATA, &reply.body);
    const TimePoint begun = SystemClock().now();
    const CURLcode code = curl_easy_perform(easy_.get());
    if (code == CURLE_OK) {
        reply.answered = true;
        curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &reply.status);
        if (!reply.ok())
            reply.code = code_of(reply.body);
    } else {
        reply.error = clean_text(error[0] != '\0' ? error.data() : curl_easy_strerror(code));
    }
    if (settings_.observer) {
        const std::string said = !reply.answered      ? "none"
                                 : reply.code.empty() ? std::to_string(reply.status)
                                                      : reply.code;
        settings_.observer(request.name, said, SystemClock().now() - begun);
    }
    if (reply.ok())
        curl_easy_reset(easy_.get()); // it points to what ends here
    else
        easy_ = make_easy(); // Ceph may send a refusal's text twice: what follows is no answer
    return reply;
}

// Sets everything but where the answer goes.
void
StoreClient::prepare(const StoreRequest &request, Headers &headers)
{
    set(easy_, CURLOPT_URL, address_of(request).c_str());
    set_security(easy_, authorities_);
    set(easy_, CURLOPT_USERAGENT, "appinfrad/" APPINFRA_VERSION);
    set(easy_, CURLOPT_CONNECTTIMEOUT_MS, long{settings_.connect_timeout.count()});
    const Duration timeout = request.timeout.count() > 0 ? request.timeout : settings_.call_timeout;
    set(easy_, CURLOPT_TIMEOUT_MS, long{timeout.count()});
    set(easy_, CURLOPT_WRITEFUNCTION, &keep_answer);
    if (std::string_view(request.method) == "GET") {
        set(easy_, CURLOPT_HTTPGET, 1L);
    } else {
        set(easy_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
        set(easy_, CURLOPT_COPYPOSTFIELDS, request.body.c_str());
        set(easy_, CURLOPT_CUSTOMREQUEST, request.method);
    }
    switch (request.proof) {
    case StoreRequest::Proof::signature:
        add_header(headers, "Content-Type: application/xml");
        add_header(headers, "x-amz-content-sha256: " + sha256_hex(request.body));
        set(easy_, CURLOPT_AWS_SIGV4, ("aws:amz:" + settings_.region + ":s3").c_str());
        set(easy_, CURLOPT_USERNAME, settings_.access_key.c_str());
        set(easy_, CURLOPT_PASSWORD, settings_.secret.c_str());
        break;
    case StoreRequest::Proof::token:
        add_header(headers, "Content-Type: application/json");
        add_header(headers, "Authorization: Bearer " + std::string(settings_.secret.reveal()));
        break;
    case StoreRequest::Proof::none:
        break;
    }
}

StoreResult
result_of(const StoreRequest &request, const StoreReply &reply)
{
    if (reply.ok())
        return {};
    if (!reply.answered)
        return {reply.code.empty() ? StoreStatus::unreachable : StoreStatus::again,
                std::string(request.name) + ": " + reply.error, reply.code.empty()};
    std::string text = std::string(request.name) + ": " + std::to_string(reply.status) +
                       (reply.code.empty() ? "" : " ") + reply.code;
    if (const char *why = our_fault(reply.code))
        return {StoreStatus::refused, text + why};
    if (reply.status == 401)
        return {StoreStatus::refused, text + "; the store refuses our token"};
    if (says_absent(reply.code))
        return {StoreStatus::not_found, std::move(text)};
    if (reply.code == "BucketAlreadyExists")
        return {StoreStatus::name_taken, std::move(text)};
    if (reply.status >= 500 || reply.status == 429 || reply.code == "SlowDown")
        return {StoreStatus::again, std::move(text), reply.status >= 500};
    return {StoreStatus::other, std::move(text)};
}

std::string
element_of(std::string_view xml, std::string_view name)
{
    const std::string open = "<" + std::string(name) + ">";
    const std::string close = "</" + std::string(name) + ">";
    const auto at = xml.find(open);
    if (at == std::string_view::npos)
        return {};
    const auto end = xml.find(close, at + open.size());
    if (end == std::string_view::npos)
        return {};
    return std::string(xml.substr(at + open.size(), end - at - open.size()));
}

} // namespace sidecar
