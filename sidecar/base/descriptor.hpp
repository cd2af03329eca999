// A file descriptor that is closed when its owner dies.
#pragma once

#include <utility>

#include <unistd.h>

namespace sidecar
{

class Descriptor
{
public:
    explicit Descriptor(int fd = -1) : fd_(fd)
    {
    }
    Descriptor(Descriptor &&other) noexcept : fd_(std::exchange(other.fd_, -1))
    {
    }
    Descriptor &
    operator=(Descriptor &&other) noexcept
    {
        std::swap(fd_, other.fd_);
        return *this;
    }
    Descriptor(const Descriptor &) = delete;
    Descriptor &operator=(const Descriptor &) = delete;
    ~Descriptor()
    {
        if (fd_ >= 0)
            close(fd_);
    }

    int
    get() const
    {
        return fd_;
    }

private:
    int fd_;
};

} // namespace sidecar
