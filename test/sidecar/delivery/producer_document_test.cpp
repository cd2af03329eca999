// What docs/producer.openapi.json says of requests and answers is what the sidecar sends and does.
#include <gtest/gtest.h>

#include <set>

#include "base/json.hpp"
#include "base/workspace.hpp"
#include "delivery/outcome.hpp"
#include "delivery/publication.hpp"

using namespace sidecar;

namespace
{

Json
document()
{
    Json json(
        json_load_file(APPINFRA_DOCS "/producer.openapi.json", JSON_REJECT_DUPLICATES, nullptr));
    EXPECT_TRUE(json);
    return json;
}

// A member that a path of names leads to.
const json_t *
at(const Json &json, std::initializer_list<const char *> names)
{
    const json_t *found = json.get();
    for (const char *name : names)
        found = json_object_get(found, name);
    return found;
}

std::set<std::string>
keys(const json_t *object)
{
    std::set<std::string> keys;
    const char *name;
    json_t *value;
    json_object_foreach(const_cast<json_t *>(object), name, value) keys.insert(name);
    return keys;
}

std::string
name_of(Verdict verdict)
{
    switch (verdict) {
    case Verdict::stored:
        return "stored";
    case Verdict::stale:
        return "stale";
    case Verdict::refused:
        return "failed";
    case Verdict::unauthorized:
        return "paused";
    case Verdict::again:
        return "repeated";
    case Verdict::lost: // not of an answer
    case Verdict::renew:
        break;
    }
    return "";
}

} // namespace

TEST(ProducerDocument, HasTheMembersOfARequestWithTheirTypes)
{
    Publication publication;
    publication.id = publication.version = 1;
    publication.set.push_back({"A", Secret("a")});
    publication.unset.push_back("B");
    const Json body = parse_json(request_body(publication).reveal());
    const Json json = document();
    const json_t *schema = at(json, {"components", "schemas", "Request"});
    const json_t *properties = json_object_get(schema, "properties");
    EXPECT_EQ(keys(properties), keys(body.get()));
    EXPECT_EQ(json_array_size(json_object_get(schema, "required")), json_object_size(body.get()));
    const char *name;
    json_t *value;
    json_object_foreach(body.get(), name, value)
    {
        const std::string type =
            json_string_value(json_object_get(json_object_get(properties, name), "type"));
        EXPECT_EQ(type, json_is_string(value)    ? "string"
                        : json_is_integer(value) ? "integer"
                        : json_is_object(value)  ? "object"
                                                 : "array")
            << name;
    }
}

TEST(ProducerDocument, SaysOfEachCodeWhatTheSidecarDoes)
{
    const Json json = document();
    const json_t *responses = at(json, {"paths", "/api/apps/{app_id}/env", "post", "responses"});
    ASSERT_GT(json_object_size(responses), 15U);
    for (const std::string &code : keys(responses)) {
        const json_t *response = json_object_get(responses, code.c_str());
        const std::string title = code == "409" ? R"({"title": "stale_version"})" : "{}";
        EXPECT_EQ(json_string_value(json_object_get(response, "x-appinfrad")),
                  name_of(classify_answer(std::stoi(code), title).verdict))
            << code;
    }
}

TEST(ProducerDocument, NamesNoSchemaThatItLacks)
{
    const Json json = document();
    const std::string text = json_text(json);
    std::size_t seen = 0;
    for (std::size_t from = text.find("#/"); from != std::string::npos;
         from = text.find("#/", from + 1), seen++) {
        const json_t *found = json.get();
        std::string path = text.substr(from + 2, text.find('"', from) - from - 2);
        while (!path.empty()) {
            const std::size_t slash = std::min(path.find('/'), path.size());
            found = json_object_get(found, path.substr(0, slash).c_str());
            path.erase(0, slash + 1);
        }
        EXPECT_NE(found, nullptr) << text.substr(from, 60);
    }
    EXPECT_GT(seen, 20U);
}
