// libFuzzer target for what the SQL gateway reads of strangers: API keys, headers, bodies, and
// values.
//   make -C test/fuzz run-gateway SECONDS=600
// Each input is taken for an Authorization header, every other header, a body, the arguments of
// each tool of MCP, a value of a request and a value of a row. Beside not crashing it proves:
// - what is taken for JSON is JSON to jansson, too, but for depth and for numbers out of range;
// - a parameter is given, or refused as the table of refusals says;
// - whatever PostgreSQL may write becomes JSON;
// - what headers are taken for has its form, and a client's address is an address;
// - a body gives a statement within the limits, or is refused; a tool's request is such a body.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "base/json.hpp"
#include "base/wipe.hpp"
#include "base/api_key.hpp"
#include "gateway/json_text.hpp"
#include "gateway/json_view.hpp"
#include "gateway/mcp_statements.hpp"
#include "gateway/parameter.hpp"
#include "gateway/request_head.hpp"
#include "gateway/row_value.hpp"
#include "gateway/statement.hpp"
#include "platform/problem.hpp"

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

// Ends the run when a rule is broken.
void
require(bool holds, const char *rule)
{
    if (holds)
        return;
    std::fprintf(stderr, "broken: %s\n", rule);
    std::abort();
}

constexpr Oid types[] = {16, 17, 20, 25, 114, 701, 1184, 1000, 1001, 1007, 1009, 1022, 1185, 3807};

void
try_key(std::string_view text)
{
    const auto key = parse_api_key(key_in_header(text));
    if (key)
        require(key->id.size() == 16 && key->secret_hash.size() == 66, "a key has its lengths");
}

void
try_parameter(std::string_view text)
{
    const bool ours = gateway::is_json_text(text) && gateway::is_utf8(text);
    json_error_t error{};
    const Json theirs(json_loadb(text.data(), text.size(), JSON_DECODE_ANY, &error));
    const auto code = json_error_code(&error);
    // jansson decodes what we leave to PostgreSQL: escapes, ranges, depth.
    const bool stricter = code == json_error_numeric_overflow ||
                          code == json_error_stack_overflow || code == json_error_null_character ||
                          text.find("\\u") != std::string_view::npos;
    const bool nul = text.find('\0') != std::string_view::npos; // which ends a text for jansson
    require(!theirs || ours || nul, "what jansson reads is JSON");
    require(!ours || theirs || stricter, "what is JSON, jansson reads");
    if (!ours)
        return;
    for (const Oid type : types)
        try {
            gateway::parameter_text(gateway::JsonView(text), type, {}, 1);
        } catch (const Problem &problem) {
            require(problem.status == 400 && problem.title == "invalid_input", "the refusal");
        }
}

void
try_row(std::string_view text)
{
    if (text.find('\0') != std::string_view::npos)
        return; // PostgreSQL writes none
    for (const Oid type : types)
        try {
            std::string out;
            gateway::append_row_value(out, text, type, {});
            require(gateway::is_json_text(out) && gateway::is_utf8(out), "an answer is JSON");
        } catch (const Problem &problem) {
            require(!gateway::is_utf8(text) && problem.status == 400, "only UTF-8 is shown");
        }
}

void
try_head(const std::string &text)
{
    Request request;
    request.local = true;
    request.method = "POST";
    request.target = "/" + text;
    request.body = text;
    for (const char *name : {"x-request-id", "idempotency-key", "x-real-ip", "x-forwarded-for"})
        request.headers[name] = text;
    const std::string id = gateway::request_id_of(request);
    require(!id.empty() && id.size() <= 64, "a request has an id");
    const std::string address = gateway::client_address_of(request, "peer", true);
    require(address == "peer" ||
                address.find_first_not_of("0123456789abcdefABCDEF.:") == std::string::npos,
            "an address is one");
    try {
        const auto key = gateway::idempotency_key_of(request);
        require(key == text && !key->empty() && key->size() <= 255, "a key is the header");
        require(gateway::request_hash_of(request).size() == 66, "a hash has its length");
    } catch (const Problem &problem) {
        require(problem.status == 400, "the refusal of a key");
    }
}

void
try_body(std::string_view text, bool is_ours)
{
    const gateway::StatementLimits limits{512, 8};
    try {
        const auto statement = gateway::read_statement(text, limits);
        require(!statement.sql.empty() && statement.sql.size() <= limits.bytes &&
                    statement.sql.find('\0') == std::string::npos &&
                    statement.parameters.size() <= limits.parameters,
                "a statement keeps the limits");
    } catch (const Problem &problem) {
        require(problem.status == 400, "the refusal of a body");
        require(!is_ours || problem.title == "statement_too_large" ||
                    problem.title == "too_many_params",
                "a tool's request is read");
    }
}

void
try_tools(std::string_view text)
{
    if (!gateway::is_utf8(text) || !gateway::is_json_text(text))
        return;
    const gateway::JsonView arguments(text);
    if (arguments.kind() != gateway::JsonView::Kind::object)
        return;
    for (const auto request : {&gateway::describe_table_request, &gateway::vector_search_request,
                               &gateway::vector_upsert_request})
        try {
            try_body(request(arguments), true);
        } catch (const Problem &problem) {
            require(problem.status == 400, "the refusal of arguments");
        }
}

} // namespace

extern "C" int
LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    const std::string text(reinterpret_cast<const char *>(data), size);
    try_key(text);
    try_parameter(text);
    try_row(text);
    try_head(text);
    try_body(text, false);
    try_tools(text);
    return 0;
}
