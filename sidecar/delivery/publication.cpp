// See publication.hpp.
#include "delivery/publication.hpp"

#include "base/failure.hpp"
#include "base/json.hpp"
#include "base/text.hpp"

namespace sidecar
{

std::string
Publication::variable_names() const
{
    std::string names;
    for (const Variable &variable : set)
        names += (names.empty() ? "" : ",") + variable.name;
    for (const std::string &name : unset)
        names += (names.empty() ? "-" : ",-") + name;
    return names;
}

std::vector<Variable>
read_set(std::string_view document)
{
    std::vector<Variable> variables;
    const Json object = parse_json(document);
    if (!json_is_object(object.get()))
        throw Failure(Failure::Kind::give_up, "the publication's set is not a JSON object");
    const char *name;
    json_t *value;
    json_object_foreach(object.get(), name, value)
    {
        if (!json_is_string(value))
            throw Failure(Failure::Kind::give_up, "a value of the publication is not a string");
        if (!is_variable_name(name))
            throw Failure(Failure::Kind::give_up, "a variable of the publication has a bad name");
        variables.push_back({name, Secret({json_string_value(value), json_string_length(value)})});
    }
    return variables;
}

Secret
request_body(const Publication &publication)
{
    Json body(json_object());
    const auto put = [&](const char *name, Json value) {
        if (!value || json_object_set_new(body.get(), name, value.release()) != 0)
            throw Failure(Failure::Kind::give_up,
                          std::string("the publication's ") + name + " is not valid UTF-8");
    };
    Json set(json_object());
    for (const Variable &variable : publication.set) {
        Json value = json_of(variable.value.reveal());
        if (!value)
            throw Failure(Failure::Kind::give_up,
                          "the value of \"" + variable.name + "\" is not valid UTF-8");
        json_object_set_new(set.get(), variable.name.c_str(), value.release());
    }
    Json unset(json_array());
    for (const std::string &name : publication.unset)
        json_array_append_new(unset.get(), json_of(name).release());
    put("producer", json_of(publication.producer));
    put("target", json_of(publication.target));
    put("ref", json_of(publication.ref));
    put("host_id", json_of(publication.host_id));
    put("publication_id", Json(json_integer(publication.id)));
    put("version", Json(json_integer(publication.version)));
    put("set", std::move(set));
    put("unset", std::move(unset));
    return Secret(json_text(body)); // the string in between is wiped by operator delete
}

} // namespace sidecar
