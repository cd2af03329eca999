// See rpc.hpp.
#include "mcp/rpc.hpp"

#include <utility>

#include "base/text.hpp"

namespace sidecar::rpc
{
namespace
{

constexpr std::size_t max_text = 512;

Response
message(const Json &id, const char *member, Json value)
{
    Response response;
    response.body = json_text(
        pack("{s:s, s:O, s:o}", "jsonrpc", "2.0", "id", id.get(), member, value.release()));
    return response;
}

} // namespace

Response
result(const Json &id, Json value)
{
    return message(id, "result", std::move(value));
}

Response
error(const Json &id, Code code, const std::string &text)
{
    Response response = message(id, "error",
                                pack("{s:i, s:o}", "code", static_cast<int>(code), "message",
                                     json_of(cut_text(clean_text(text), max_text)).release()));
    if (code == Code::parse_error)
        response.status = 400;
    return response;
}

Response
nothing()
{
    return Response{202, "", "application/json", false, {}};
}

} // namespace sidecar::rpc
