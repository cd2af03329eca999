// See compose.hpp.
#include "check_env/compose.hpp"

#include <algorithm>
#include <memory>

#include "base/failure.hpp"
#include "base/text.hpp"
#include "check_env/env_text.hpp"
#include "check_env/yaml.hpp"

namespace sidecar
{
namespace
{

constexpr const char *whole = "; give what \"docker compose config\" prints";

// Reads one service.
class ServiceReader
{
public:
    ServiceReader(const YamlDocument &yaml, std::string name, const Lookup &lookup,
                  const ReadBeside &read_beside)
        : yaml_(yaml), lookup_(lookup), read_beside_(read_beside)
    {
        service_.name = std::move(name);
    }

    ComposeService
    run(const yaml_node_t *node) &&
    {
        if (yaml_.value_of(node, "extends") != nullptr)
            refuse(where() + "it extends another" + whole);
        if (const yaml_node_t *files = yaml_.value_of(node, "env_file"))
            add_files(files);
        if (const yaml_node_t *environment = yaml_.value_of(node, "environment"))
            add_environment(environment);
        return std::move(service_);
    }

private:
    std::string
    where() const
    {
        return "service \"" + clean_text(service_.name) + "\": ";
    }

    // What is set later counts; a variable's place stays.
    void
    set(const std::string &name, std::string value, bool is_known)
    {
        const auto found =
            std::find_if(service_.variables.begin(), service_.variables.end(),
                         [&](const Variable &variable) { return variable.name == name; });
        if (found == service_.variables.end())
            service_.variables.push_back({name, Secret(std::move(value))});
        else
            found->value = Secret(std::move(value));
        service_.unknown.erase(name);
        if (!is_known)
            service_.unknown.insert(name);
    }

    // NAME alone: the container gets it from the environment of who starts it.
    void
    set_from_outside(const std::string &name)
    {
        std::optional<std::string> value = lookup_(name);
        const bool is_known = value.has_value();
        set(name, value.value_or(""), is_known);
    }

    void
    set_value(const std::string &name, const std::string &text)
    {
        try {
            Interpolated value = interpolate(text, lookup_);
            set(name, std::move(value.text), value.is_known);
        } catch (const Failure &failure) {
            refuse(where() + clean_text(name) + ": " + failure.what());
        }
    }

    void
    add_environment(const yaml_node_t *environment)
    {
        if (environment->type == YAML_SEQUENCE_NODE) {
            yaml_.visit_sequence(environment, [&](const yaml_node_t *entry) {
                const std::string text = scalar_of(entry, where() + "an entry of environment");
                const std::size_t equals = text.find('=');
                if (equals == std::string::npos)
                    set_from_outside(text);
                else
                    set_value(text.substr(0, equals), text.substr(equals + 1));
            });
            return;
        }
        if (is_null(environment))
            return;
        yaml_.visit_mapping(environment, [&](const std::string &name, const yaml_node_t *value) {
            if (is_null(value))
                set_from_outside(name);
            else
                set_value(name, scalar_of(value, where() + "a value of environment"));
        });
    }

    void
    add_files(const yaml_node_t *files)
    {
        if (files->type == YAML_SEQUENCE_NODE)
            yaml_.visit_sequence(files, [&](const yaml_node_t *file) { add_file(file); });
        else
            add_file(files);
    }

    // A path, or {path: PATH, required: false}.
    void
    add_file(const yaml_node_t *file)
    {
        const yaml_node_t *path = file, *required = nullptr;
        if (file->type == YAML_MAPPING_NODE) {
            path = yaml_.value_of(file, "path");
            required = yaml_.value_of(file, "required");
            if (path == nullptr)
                refuse(where() + "an entry of env_file has no path");
        }
        const std::string name =
            interpolate(scalar_of(path, where() + "an entry of env_file"), lookup_).text;
        const std::optional<std::string> text = read_beside_(name);
        if (!text && required != nullptr && scalar_of(required, where() + "required") == "false")
            return;
        if (!text)
            refuse(where() + "the env_file \"" + clean_text(name) + "\" is not there");
        for (const Variable &variable : read_env_text(*text))
            set(variable.name, std::string(variable.value.reveal()), true);
    }

    const YamlDocument &yaml_;
    const Lookup &lookup_;
    const ReadBeside &read_beside_;
    ComposeService service_;
};

// The environment of who asks wins over the file .env, as with compose.
Lookup
with_env_file(const Lookup &environment, const ReadBeside &read_beside)
{
    const auto defaults = std::make_shared<std::vector<Variable>>();
    if (const auto text = read_beside(".env"))
        *defaults = read_env_text(*text);
    return [environment, defaults](std::string_view name) -> std::optional<std::string> {
        if (auto value = environment(name))
            return value;
        const auto found =
            std::find_if(defaults->rbegin(), defaults->rend(),
                         [&](const Variable &variable) { return variable.name == name; });
        return found == defaults->rend() ? std::nullopt
                                         : std::optional<std::string>(found->value.reveal());
    };
}

} // namespace

std::vector<ComposeService>
read_compose(std::string_view text, const Lookup &environment, const ReadBeside &read_beside)
{
    const YamlDocument yaml(text);
    const yaml_node_t *root = yaml.root();
    const bool is_mapping = root != nullptr && root->type == YAML_MAPPING_NODE;
    const yaml_node_t *services = is_mapping ? yaml.value_of(root, "services") : nullptr;
    if (services == nullptr || services->type != YAML_MAPPING_NODE)
        refuse("it is no compose file: it has no services");
    if (yaml.value_of(root, "include") != nullptr)
        refuse(std::string("it includes others") + whole);
    const Lookup lookup = with_env_file(environment, read_beside);
    std::vector<ComposeService> read;
    yaml.visit_mapping(services, [&](const std::string &name, const yaml_node_t *service) {
        read.push_back(ServiceReader(yaml, name, lookup, read_beside).run(service));
    });
    return read;
}

} // namespace sidecar
