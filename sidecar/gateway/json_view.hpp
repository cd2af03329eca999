// JSON as it stands in a text. Values are not built but looked at where they are, so that numbers
// keep their digits, documents their spelling, and a body of many small values takes no memory.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace sidecar::gateway
{

// A value of a text that is_json_text() has accepted; valid as long as that text is.
class JsonView
{
public:
    enum class Kind { null, boolean, number, string, array, object };

    explicit JsonView(std::string_view text);

    Kind kind() const;

    // The value as it is written.
    std::string_view
    raw() const
    {
        return raw_;
    }

    // What a string says; nothing when an escape in it stands for half a character.
    std::optional<std::string> text() const;

    // Hands each item of an array to visit, until that returns false.
    void each_item(const std::function<bool(JsonView)> &visit) const;

    // Hands each member of an object to visit, its name as it is written, until it returns false.
    void each_member(const std::function<bool(std::string_view name, JsonView)> &visit) const;

    // The member of this name, the last one when there are several.
    std::optional<JsonView> member(std::string_view name) const;

private:
    std::string_view raw_;
};

} // namespace sidecar::gateway
