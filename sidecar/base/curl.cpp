// See curl.hpp.
#include "base/curl.hpp"

#include <array>
#include <fstream>
#include <iterator>

#include "base/failure.hpp"
#include "base/readable.hpp"
#include "base/text.hpp"

namespace sidecar
{
namespace
{

std::size_t
leave_unread(char *, std::size_t size, std::size_t count, void *)
{
    return size * count;
}

} // namespace

Easy
make_easy()
{
    Easy easy(curl_easy_init());
    if (!easy)
        throw Failure(Failure::Kind::retry, "libcurl has no handle to give");
    return easy;
}

void
check_option(CURLcode code, CURLoption option)
{
    if (code == CURLE_OK)
        return;
    const curl_easyoption *known = curl_easy_option_by_id(option);
    throw Failure(code == CURLE_OUT_OF_MEMORY ? Failure::Kind::retry : Failure::Kind::configuration,
                  std::string("libcurl does not take its option ") +
                      (known != nullptr ? known->name : std::to_string(option)) + ": " +
                      curl_easy_strerror(code));
}

void
add_header(Headers &headers, const std::string &line)
{
    curl_slist *longer = curl_slist_append(headers.get(), line.c_str());
    if (longer == nullptr)
        throw Failure(Failure::Kind::retry, "out of memory");
    [[maybe_unused]] curl_slist *same = headers.release();
    headers.reset(longer);
}

void
set_security(const Easy &easy, const std::string &authorities)
{
    set(easy, CURLOPT_NOSIGNAL, 1L);
    set(easy, CURLOPT_PATH_AS_IS, 1L);
    set(easy, CURLOPT_FOLLOWLOCATION, 0L);
    set(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    set(easy, CURLOPT_PROXY, "");
    set(easy, CURLOPT_NOPROXY, "*");
    set(easy, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
    // One request per connection at a time: what a broken connection means stays clear.
    set(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    set(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    set(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    set(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    if (authorities.empty())
        return;
    // As a text, not as a file: libcurl remembers for a day what it read from a file.
    curl_blob text{const_cast<char *>(authorities.data()), authorities.size(), CURL_BLOB_COPY};
    set(easy, CURLOPT_CAINFO_BLOB, &text);
    set(easy, CURLOPT_CAPATH, static_cast<char *>(nullptr));
}

std::string
read_authorities(const std::string &path)
{
    if (path.empty())
        return {};
    check_readable("the CA file", path);
    std::ifstream file(path, std::ios::binary);
    std::string text{std::istreambuf_iterator<char>(file), {}};
    if (text.empty())
        throw Failure(Failure::Kind::configuration,
                      "the CA file \"" + path + "\" cannot be read or is empty");
    set_security(make_easy(), text);
    return text;
}

PostAnswer
post_json(const JsonPost &post)
{
    const Easy easy = make_easy();
    Headers headers;
    add_header(headers, "Content-Type: application/json");
    if (!post.authorization.empty())
        add_header(headers, "Authorization: " + post.authorization);
    std::array<char, CURL_ERROR_SIZE> error{};
    set(easy, CURLOPT_URL, post.url.c_str());
    set(easy, CURLOPT_HTTPHEADER, headers.get());
    set(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(post.body.size()));
    set(easy, CURLOPT_POSTFIELDS, post.body.data());
    set(easy, CURLOPT_WRITEFUNCTION, &leave_unread);
    set(easy, CURLOPT_ERRORBUFFER, error.data());
    set(easy, CURLOPT_USERAGENT, "appinfrad/" APPINFRA_VERSION);
    set(easy, CURLOPT_CONNECTTIMEOUT_MS, long{post.connect_timeout.count()});
    set(easy, CURLOPT_TIMEOUT_MS, long{post.call_timeout.count()});
    set_security(easy, read_authorities(post.ca_file));
    const CURLcode code = curl_easy_perform(easy.get());
    if (code != CURLE_OK)
        throw Failure(Failure::Kind::retry,
                      clean_text(error[0] != '\0' ? error.data() : curl_easy_strerror(code)));
    PostAnswer answer;
    curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &answer.status);
    curl_header *date = nullptr;
    if (curl_easy_header(easy.get(), "Date", 0, CURLH_HEADER, -1, &date) == CURLHE_OK)
        answer.date = date->value;
    return answer;
}

} // namespace sidecar
