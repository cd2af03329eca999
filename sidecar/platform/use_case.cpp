// See use_case.hpp.
#include "platform/use_case.hpp"

#include "base/json.hpp"

namespace sidecar::use_cases
{

Answer
connection_answer(const std::optional<std::string> &json)
{
    Answer answer;
    answer.json = json.value_or("{}");
    const Json document = parse_json(answer.json);
    const json_t *connection = json_object_get(document.get(), "connection");
    answer.secret = json_object_get(connection, "password") != nullptr ||
                    json_object_get(document.get(), "env") != nullptr;
    return answer;
}

} // namespace sidecar::use_cases
