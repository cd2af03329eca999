// See readable.hpp.
#include "base/readable.hpp"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

#include "base/descriptor.hpp"
#include "base/failure.hpp"

namespace sidecar
{

std::string
unreadable(int error)
{
    std::string text = std::strerror(error);
    if (error == EACCES)
        text += "; hint: this process runs as user " + std::to_string(geteuid()) +
                ", who may not read the file or enter its folder; a service has such files by "
                "LoadCredential=";
    return text;
}

void
check_readable(const std::string &name, const std::string &path)
{
    // Without waiting for a writer, should it be a pipe.
    const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (file.get() < 0)
        refuse(name + " \"" + path + "\" cannot be read: " + unreadable(errno));
}

} // namespace sidecar
