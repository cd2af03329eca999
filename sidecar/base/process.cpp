// See process.hpp.
#include "base/process.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/descriptor.hpp"
#include "base/failure.hpp"
#include "base/readable.hpp"
#include "base/wipe.hpp"

namespace sidecar
{

void
harden_process()
{
    const rlimit none{0, 0};
    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    std::signal(SIGPIPE, SIG_IGN);
}

Secret
take_from_environment(const char *name)
{
    char *value = std::getenv(name);
    if (value == nullptr)
        return {};
    Secret secret{std::string_view(value)};
    wipe(value, std::strlen(value));
    unsetenv(name);
    return secret;
}

Secret
secret_from_file(const std::string &path)
{
    constexpr std::size_t largest = 64 * 1024;
    const auto refuse = [&](const std::string &why) {
        return Failure(Failure::Kind::configuration, "secret file \"" + path + "\": " + why);
    };
    const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (file.get() < 0)
        throw refuse(unreadable(errno));
    std::string text;
    std::array<char, 4096> part;
    for (;;) {
        const ssize_t got = read(file.get(), part.data(), part.size());
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            throw refuse(std::strerror(errno));
        if (got == 0)
            break;
        text.append(part.data(), static_cast<std::size_t>(got));
        if (text.size() > largest)
            throw refuse("too large");
    }
    wipe(part.data(), part.size());
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r'))
        text.pop_back();
    if (text.empty())
        throw refuse("empty");
    return Secret(text);
}

} // namespace sidecar
