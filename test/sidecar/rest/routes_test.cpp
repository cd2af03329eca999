// Which route a request has, and the OpenAPI document that is made of the routes.
#include <gtest/gtest.h>

#include <functional>

#include "platform/fake_database.hpp"
#include "rest/routes.hpp"

using namespace sidecar;

namespace
{

const json_t *
member(const json_t *document, std::initializer_list<const char *> path)
{
    for (const char *name : path)
        document = json_object_get(document, name);
    return document;
}

// Every object in a document.
void
each_object(const json_t *document, const std::function<void(const json_t *)> &look)
{
    std::size_t index;
    const char *name;
    json_t *value;
    if (json_is_object(document))
        look(document);
    json_array_foreach(const_cast<json_t *>(document), index, value) each_object(value, look);
    json_object_foreach(const_cast<json_t *>(document), name, value) each_object(value, look);
}

} // namespace

TEST(Routes, AreFoundByMethodAndPath)
{
    const auto route = find_route("GET", target_of("/api/app-infra/databases/db%2Dx?a=b+c&d"));
    EXPECT_EQ(route.names, std::vector<std::string>{"db-x"});
    EXPECT_EQ(target_of("/?a=b+c&d").query.at(0).second, "b c");
    EXPECT_EQ(problem_in([] { find_route("PUT", target_of("/api/app-infra/databases")); }).hint,
              "POST, GET");
    EXPECT_EQ(problem_in([] { find_route("GET", target_of("/api//databases")); }).status, 404);
}

TEST(Routes, TakeEveryNameOfTheirPath)
{
    const auto route =
        find_route("DELETE", target_of("/api/app-infra/databases/db-x/services/a%2Fb/host%201"));
    EXPECT_EQ(route.route->operation, std::string("dropService"));
    EXPECT_EQ(route.names, (std::vector<std::string>{"db-x", "a/b", "host 1"}));
    EXPECT_EQ(route.route->names(),
              (std::vector<std::string_view>{"db_id", "service_id", "host_id"}));
}

TEST(Routes, AreAllInTheOpenApiDocument)
{
    const Json document = parse_json(openapi_document());
    ASSERT_TRUE(document);
    for (const Route &route : routes()) {
        json_t *path = json_object_get(json_object_get(document.get(), "paths"), route.path);
        std::string method = route.method;
        for (char &c : method)
            c = static_cast<char>(c | 0x20);
        json_t *operation = json_object_get(path, method.c_str());
        ASSERT_TRUE(operation) << route.path;
        for (const FieldRule &field : route.has_body ? route.fields : Fieldset()) {
            json_t *schema = json_object_get(
                json_object_get(
                    json_object_get(json_object_get(operation, "requestBody"), "content"),
                    "application/json"),
                "schema");
            EXPECT_TRUE(json_object_get(json_object_get(schema, "properties"), field.name))
                << field.name;
        }
    }
}

TEST(OpenApi, DeclaresEveryNameOfAPathAndEveryTag)
{
    const Json document = parse_json(openapi_document());
    std::string tags = json_text(Json(json_incref(json_object_get(document.get(), "tags"))));
    for (const Route &route : routes()) {
        std::string method = route.method;
        for (char &c : method)
            c = static_cast<char>(c | 0x20);
        const json_t *operation = member(document.get(), {"paths", route.path, method.c_str()});
        const std::string parameters =
            json_text(Json(json_incref(json_object_get(operation, "parameters"))));
        for (const std::string_view name : route.names())
            EXPECT_NE(parameters.find("{\"name\":\"" + std::string(name) + "\",\"in\":\"path\""),
                      std::string::npos)
                << route.path;
        const std::string tag =
            json_string_value(json_array_get(json_object_get(operation, "tags"), 0));
        EXPECT_NE(tags.find("\"" + tag + "\""), std::string::npos) << tag;
    }
}

TEST(OpenApi, RefersOnlyToWhatIsThere)
{
    const Json document = parse_json(openapi_document());
    const std::string prefix = "#/components/schemas/";
    std::size_t references = 0;
    each_object(document.get(), [&](const json_t *object) {
        const json_t *reference = json_object_get(object, "$ref");
        if (!json_is_string(reference))
            return;
        const std::string name = json_string_value(reference);
        ASSERT_TRUE(name.starts_with(prefix)) << name;
        EXPECT_TRUE(
            member(document.get(), {"components", "schemas", name.substr(prefix.size()).c_str()}))
            << name;
        references++;
    });
    EXPECT_GT(references, 40u);
}

TEST(OpenApi, SaysWhereTheServerIsAndThatNumbersAreNumbers)
{
    const Json document = parse_json(openapi_document());
    EXPECT_EQ(json_array_size(json_object_get(document.get(), "servers")), 1u);
    const json_t *list = member(document.get(), {"paths", "/api/app-infra/databases", "get"});
    std::string parameters = json_text(Json(json_incref(json_object_get(list, "parameters"))));
    EXPECT_NE(parameters.find(R"("schema":{"type":"integer")"), std::string::npos) << parameters;
}
