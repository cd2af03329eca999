// See secret.hpp.
#include "base/secret.hpp"

#include <cstring>
#include <utility>

#include "base/wipe.hpp"

namespace sidecar
{

Secret::Secret(std::string_view text) : data_(new char[text.size() + 1]), size_(text.size())
{
    std::memcpy(data_.get(), text.data(), text.size());
    data_[size_] = '\0';
}

Secret::Secret(Secret &&other) noexcept
    : data_(std::move(other.data_)), size_(std::exchange(other.size_, 0))
{
}

Secret &
Secret::operator=(Secret &&other) noexcept
{
    if (this != &other) {
        clear();
        data_ = std::move(other.data_);
        size_ = std::exchange(other.size_, 0);
    }
    return *this;
}

Secret::~Secret()
{
    clear();
}

void
Secret::clear() noexcept
{
    if (data_)
        wipe(data_.get(), size_);
    data_.reset();
    size_ = 0;
}

} // namespace sidecar
