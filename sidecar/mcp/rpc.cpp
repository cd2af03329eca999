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

Json
error_object(Code code, const std::string &text)
{
    return pack("{s:i, s:o}", "code", static_cast<int>(code), "message",
                json_of(cut_text(clean_text(text), max_text)).release());
}

// The text of a message whose members are JSON texts.
std::string
message_text(std::string_view id, std::string_view member, std::string_view value)
{
    std::string text = R"({"jsonrpc":"2.0","id":)";
    text.reserve(text.size() + id.size() + member.size() + value.size() + 8);
    text.append(id).append(",\"").append(member).append("\":").append(value);
    return text.append("}");
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
    Response response = message(id, "error", error_object(code, text));
    if (code == Code::parse_error)
        response.status = 400;
    return response;
}

std::string
result_text(std::string_view id, std::string_view result)
{
    return message_text(id, "result", result);
}

std::string
error_text(std::string_view id, Code code, const std::string &text)
{
    return message_text(id, "error", json_text(error_object(code, text)));
}

Response
nothing()
{
    return Response{202, "", "application/json", false, {}};
}

} // namespace sidecar::rpc
