// A YAML document, read by libyaml: aliases lead to what they stand for, merge keys (<<) are
// followed, and what would be read in two ways is refused.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <yaml.h>

namespace sidecar
{

class YamlDocument
{
public:
    // Throws a configuration Failure that names the line and quotes nothing of the text.
    explicit YamlDocument(std::string_view text);
    ~YamlDocument();
    YamlDocument(const YamlDocument &) = delete;
    YamlDocument &operator=(const YamlDocument &) = delete;

    // The root; null when the document is empty.
    const yaml_node_t *root() const;

    // The value of a key of a mapping, its own or one that is merged in; null when it has none.
    const yaml_node_t *value_of(const yaml_node_t *mapping, std::string_view key) const;

    // Calls back for each key of a mapping, merged ones first, so that the last one counts.
    using Visitor = std::function<void(const std::string &key, const yaml_node_t *value)>;
    void visit_mapping(const yaml_node_t *mapping, const Visitor &visit) const;

    // Calls back for each entry of a sequence.
    void visit_sequence(const yaml_node_t *sequence,
                        const std::function<void(const yaml_node_t *entry)> &visit) const;

private:
    void visit_merged(const yaml_node_t *mapping, const Visitor &visit, int &left) const;

    // libyaml asks for a document that it may change, though reading one changes nothing.
    mutable yaml_document_t document_;
};

// The text of a plain or quoted scalar. Throws a configuration Failure, which begins with what, for
// another node.
std::string scalar_of(const yaml_node_t *node, const std::string &what);

// Whether a node is YAML's null: nothing, ~ or null, without quotes.
bool is_null(const yaml_node_t *node);

// "line N: ", for messages.
std::string place_of(const yaml_node_t *node);

} // namespace sidecar
