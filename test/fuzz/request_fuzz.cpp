// libFuzzer target for the request path: bytes of a connection, through the HTTP reader, admission,
// the fields and the use cases, up to a database that answers anything.
//   make -C test/fuzz run-request SECONDS=600
// Beside not crashing it proves:
// - requests are the same however their bytes are cut;
// - every response can be read back, and a JSON body of one parses;
// - a problem says its status, and nothing that is refused ever reaches the database.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "base/failure.hpp"
#include "base/json.hpp"
#include "base/wipe.hpp"
#include "http/reader.hpp"
#include "platform/quiet_database.hpp"
#include "rest/api.hpp"

using namespace sidecar;

// Stands for wipe.cpp, which replaces operator new and delete and so AddressSanitizer's.
void
sidecar::wipe(void *data, std::size_t size) noexcept
{
    if (size > 0)
        explicit_bzero(data, size);
}

namespace
{

void
demand(bool holds, const char *what)
{
    if (holds)
        return;
    std::fprintf(stderr, "property violated: %s\n", what);
    std::abort();
}

// Answers each question in turn with something of another kind.
struct AnyDatabase final : QuietDatabase {
    std::optional<std::string>
    value(const Query &query, const Parameters &parameters) override
    {
        for (const auto &parameter : parameters)
            demand(!parameter || parameter->find('\0') == std::string::npos,
                   "no parameter is cut short by a NUL");
        if (std::string_view(query.name) == "reach")
            return R"({"owner":null,"slug":null})";
        if (std::string_view(query.name) == "own")
            return "app-a";
        if (asked++ % 7 == 6)
            throw Failure(Failure::Kind::give_up, "it is taken",
                          {"23505", "it is taken", "By \"another\".", "Use another.", ""});
        return R"({"db_id":"db-0123456789ab","status":"ready","env_keys":["DATABASE_URL"],)"
               R"("connection":{"password":"p","url":"u"},"all_published":true})";
    }
    int asked = 0;
};

// The requests in the bytes, fed in pieces of a size. What is behind them may be refused as soon as
// it cannot become one, or only when more has come.
std::vector<Request>
read_all(std::string_view bytes, std::size_t piece)
{
    std::vector<Request> requests;
    HttpReader reader;
    std::string unread;
    try {
        for (std::size_t at = 0; at < bytes.size();) {
            unread += bytes.substr(at, piece);
            at += piece;
            for (;;) {
                unread.erase(0, reader.feed(unread));
                if (reader.state() != HttpReader::State::done)
                    break;
                requests.push_back(reader.request());
                reader = HttpReader();
                if (unread.empty())
                    break;
            }
        }
    } catch (const Problem &) {
        // The connection would be ended.
    }
    return requests;
}

void
check_response(const Response &response)
{
    const std::string text = response_text(response, true);
    demand(text.starts_with("HTTP/1.1 ") && text.ends_with("\r\n\r\n" + response.body),
           "a response has a head and its body");
    const std::string_view head =
        std::string_view(text).substr(0, text.size() - response.body.size());
    demand(head.find("\r\n\r\n") == head.size() - 4, "no header ends the head early");
    if (response.body.empty() || response.type.find("json") == std::string::npos)
        return;
    const Json body(json_loadb(response.body.data(), response.body.size(), 0, nullptr));
    demand(body != nullptr, "a JSON body parses");
    if (response.type == "application/problem+json")
        demand(json_integer_value(json_object_get(body.get(), "status")) == response.status,
               "a problem says its status");
}

void
answer(Api &api, AnyDatabase &database, Request request)
{
    request.local = true;
    try {
        const Api::Admission admission = api.admit(request);
        Api::Reply reply = api.answer(admission, request);
        TaskResult step;
        if (auto *response = std::get_if<Response>(&reply))
            step = std::move(*response);
        else if (auto *look = std::get_if<Look>(&reply))
            step = std::move(look->task);
        else
            step = std::get<Task>(std::move(reply));
        for (int i = 0; i < 8 && std::holds_alternative<Task>(step); i++) {
            const Task work = std::get<Task>(std::move(step));
            step = work.run(database);
        }
        demand(std::holds_alternative<Response>(step), "work comes to an end");
        check_response(std::get<Response>(step));
    } catch (const Problem &problem) {
        check_response(response_of(problem));
    }
}

} // namespace

extern "C" int
LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    static const SystemClock clock;
    static Metrics metrics(clock, std::make_shared<DatabaseLogin>());
    static Mcp mcp({true, Duration(0)}, clock);
    static ServiceStatus status;
    static Api api(
        [] {
            ApiSettings settings;
            settings.tokens.keys.push_back(
                {"HS256", Secret("a secret of more than 32 bytes, known")});
            settings.trust_loopback = true;
            settings.rate = 0;
            return settings;
        }(),
        clock, metrics, mcp, status);
    const std::string_view bytes(reinterpret_cast<const char *>(data), size);
    const std::vector<Request> whole = read_all(bytes, bytes.size() + 1);
    const std::vector<Request> cut = read_all(bytes, 3);
    demand(whole.size() == cut.size(), "cuts make no requests");
    AnyDatabase database;
    for (std::size_t i = 0; i < whole.size(); i++) {
        demand(whole[i].body == cut[i].body && whole[i].target == cut[i].target &&
                   whole[i].headers == cut[i].headers,
               "cuts change no request");
        answer(api, database, whole[i]);
    }
    return 0;
}
