// A text nobody may see: a token, a password, a DSN, a request body that carries one.
// It can be moved but not copied, is overwritten when it dies, and cannot be streamed or formatted:
// whoever wants the text says reveal(), so that a search finds every place.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

namespace sidecar
{

class Secret
{
public:
    Secret() = default;
    explicit Secret(std::string_view text);
    Secret(Secret &&other) noexcept;
    Secret &operator=(Secret &&other) noexcept;
    Secret(const Secret &) = delete;
    Secret &operator=(const Secret &) = delete;
    ~Secret();

    // A second copy, on purpose.
    Secret
    clone() const
    {
        return Secret(reveal());
    }

    // The text; valid as long as this object lives. A NUL stands behind it.
    std::string_view
    reveal() const noexcept
    {
        return {data_ ? data_.get() : "", size_};
    }
    const char *
    c_str() const noexcept
    {
        return data_ ? data_.get() : "";
    }

    bool
    empty() const noexcept
    {
        return size_ == 0;
    }
    std::size_t
    size() const noexcept
    {
        return size_;
    }

    // Overwrites the text and holds nothing afterwards.
    void clear() noexcept;

private:
    std::unique_ptr<char[]> data_;
    std::size_t size_ = 0;
};

} // namespace sidecar
