// See yaml.hpp.
#include "check_env/yaml.hpp"

#include <new>
#include <set>

#include "base/failure.hpp"

namespace sidecar
{
namespace
{

constexpr int most_merges = 1000; // of one mapping, in all: also ends those that merge themselves

struct Parser {
    Parser()
    {
        if (yaml_parser_initialize(&parser) == 0)
            throw std::bad_alloc();
    }
    ~Parser()
    {
        yaml_parser_delete(&parser);
    }
    Parser(const Parser &) = delete;
    Parser &operator=(const Parser &) = delete;

    yaml_parser_t parser{};
};

[[noreturn]] void
refuse_at(const yaml_node_t *node, const std::string &why)
{
    refuse(place_of(node) + why);
}

std::string_view
text_of(const yaml_node_t *node)
{
    return {reinterpret_cast<const char *>(node->data.scalar.value), node->data.scalar.length};
}

} // namespace

YamlDocument::YamlDocument(std::string_view text) : document_{}
{
    Parser reader;
    yaml_parser_set_input_string(&reader.parser,
                                 reinterpret_cast<const unsigned char *>(text.data()), text.size());
    if (yaml_parser_load(&reader.parser, &document_) == 0)
        refuse("it is no YAML: line " + std::to_string(reader.parser.problem_mark.line + 1) +
               " cannot be read");
    yaml_document_t next{};
    const bool has_more = yaml_parser_load(&reader.parser, &next) == 0 ||
                          yaml_document_get_root_node(&next) != nullptr;
    yaml_document_delete(&next);
    if (has_more) {
        yaml_document_delete(&document_);
        refuse("it has more than one YAML document");
    }
}

YamlDocument::~YamlDocument()
{
    yaml_document_delete(&document_);
}

const yaml_node_t *
YamlDocument::root() const
{
    return yaml_document_get_root_node(&document_);
}

const yaml_node_t *
YamlDocument::value_of(const yaml_node_t *mapping, std::string_view key) const
{
    const yaml_node_t *found = nullptr;
    visit_mapping(mapping, [&](const std::string &name, const yaml_node_t *value) {
        if (name == key)
            found = value;
    });
    return found;
}

void
YamlDocument::visit_mapping(const yaml_node_t *mapping, const Visitor &visit) const
{
    int left = most_merges;
    visit_merged(mapping, visit, left);
}

void
YamlDocument::visit_merged(const yaml_node_t *mapping, const Visitor &visit, int &left) const
{
    if (mapping->type != YAML_MAPPING_NODE)
        refuse_at(mapping, "a mapping is expected");
    if (left-- == 0)
        refuse_at(mapping, "too many mappings are merged into one");
    const auto node = [&](int id) {
        return yaml_document_get_node(&document_, id);
    };
    const auto &pairs = mapping->data.mapping.pairs;
    std::set<std::string> seen;
    for (const yaml_node_pair_t *pair = pairs.start; pair < pairs.top; pair++)
        if (!seen.insert(scalar_of(node(pair->key), "a key")).second)
            refuse_at(node(pair->key), "a key is given twice");
    for (const yaml_node_pair_t *pair = pairs.start; pair < pairs.top; pair++) {
        const yaml_node_t *value = node(pair->value);
        if (text_of(node(pair->key)) != "<<")
            continue;
        if (value->type == YAML_SEQUENCE_NODE) { // the first of them wins
            const auto &items = value->data.sequence.items;
            for (const yaml_node_item_t *item = items.top; item-- > items.start;)
                visit_merged(node(*item), visit, left);
        } else {
            visit_merged(value, visit, left);
        }
    }
    for (const yaml_node_pair_t *pair = pairs.start; pair < pairs.top; pair++)
        if (text_of(node(pair->key)) != "<<")
            visit(std::string(text_of(node(pair->key))), node(pair->value));
}

void
YamlDocument::visit_sequence(const yaml_node_t *sequence,
                             const std::function<void(const yaml_node_t *entry)> &visit) const
{
    const auto &items = sequence->data.sequence.items;
    for (const yaml_node_item_t *item = items.start; item < items.top; item++)
        visit(yaml_document_get_node(&document_, *item));
}

std::string
scalar_of(const yaml_node_t *node, const std::string &what)
{
    if (node->type != YAML_SCALAR_NODE)
        refuse_at(node, what + " is no plain text");
    return std::string(text_of(node));
}

bool
is_null(const yaml_node_t *node)
{
    if (node->type != YAML_SCALAR_NODE || node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
        return false;
    const std::string_view text = text_of(node);
    return text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL";
}

std::string
place_of(const yaml_node_t *node)
{
    return "line " + std::to_string(node->start_mark.line + 1) + ": ";
}

} // namespace sidecar
