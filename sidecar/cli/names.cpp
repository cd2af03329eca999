// See names.hpp.
#include "cli/names.hpp"

#include <string_view>

#include "base/text.hpp"
#include "cli/exit_codes.hpp"
#include "cli/table.hpp"

namespace sidecar::cli
{
namespace
{

struct Kind {
    const char *word;   // for a person
    const char *list;   // of the document, and of the path
    const char *id;     // the member
    const char *prefix; // of an id
    std::size_t digits;
};

constexpr Kind databases = {"database", "databases", "db_id", "db-", 12};
constexpr Kind buckets = {"bucket", "buckets", "bucket_id", "buk-", 13};

bool
is_id(const Kind &kind, const std::string &name)
{
    const std::string_view prefix = kind.prefix;
    return name.size() == prefix.size() + kind.digits && name.starts_with(prefix) &&
           name.find_first_not_of("0123456789abcdef", prefix.size()) == std::string::npos;
}

// Those of an app; of one slug, unless that is empty.
Json
those_of(Client &client, const Kind &kind, const std::string &app, const std::string &slug)
{
    const Json all = client.pages(api_path({kind.list}) + query_of({{"app_id", app}}), kind.list);
    Json found(json_array());
    std::size_t index = 0;
    json_t *one = nullptr;
    json_array_foreach(json_object_get(all.get(), kind.list), index, one)
    {
        const json_t *its = json_object_get(one, "slug");
        if (slug.empty() || (json_is_string(its) && slug == json_string_value(its)))
            json_array_append(found.get(), one);
    }
    return found;
}

std::string
id_named(Client &client, const Kind &kind, const std::string &name)
{
    if (is_id(kind, name))
        return name;
    const std::size_t slash = name.rfind('/');
    const std::string app = name.substr(0, slash);
    const std::string slug = slash == std::string::npos ? "" : name.substr(slash + 1);
    const Json found = those_of(client, kind, app, slug);
    const std::string shown = clean_text(name);
    if (json_array_size(found.get()) == 1)
        return json_string_value(json_object_get(json_array_get(found.get(), 0), kind.id));
    if (json_array_size(found.get()) == 0)
        throw Refusal(exit_codes::not_found,
                      std::string("there is no ") + kind.word + " \"" + shown + "\"");
    std::string ids;
    std::size_t index = 0;
    const json_t *one = nullptr;
    json_array_foreach(found.get(), index, one)
    {
        ids += (ids.empty() ? "" : ", ") + value_text(json_object_get(one, kind.id)) + " (" +
               value_text(json_object_get(one, "slug")) + ")";
    }
    Refusal refusal(exit_codes::usage, "\"" + shown + "\" has several " + kind.list + ": " + ids);
    refusal.hint = "name one by its id, or as APP/SLUG";
    throw refusal;
}

} // namespace

std::string
database_named(Client &client, const std::string &name)
{
    return id_named(client, databases, name);
}

std::string
bucket_named(Client &client, const std::string &name)
{
    return id_named(client, buckets, name);
}

} // namespace sidecar::cli
