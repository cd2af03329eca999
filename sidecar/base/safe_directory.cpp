// See safe_directory.hpp.
#include "base/safe_directory.hpp"

#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/failure.hpp"
#include "base/text.hpp"

namespace sidecar
{
namespace
{

constexpr std::size_t max_name = 200;
constexpr std::size_t kept_prefix = 120;
constexpr std::size_t largest_file = 4 * 1024 * 1024;

[[noreturn]] void
fail(const std::string &what)
{
    const int error = errno;
    const bool in_the_way = error == ELOOP || error == ENOTDIR || error == EISDIR;
    throw Failure(in_the_way ? Failure::Kind::give_up : Failure::Kind::retry,
                  what + ": " + std::strerror(error));
}

Descriptor
open_root(const std::string &root)
{
    if (mkdir(root.c_str(), 0700) != 0 && errno != EEXIST)
        fail("the sink's folder cannot be made");
    Descriptor folder(open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (folder.get() < 0)
        fail("the sink's folder cannot be opened");
    return folder;
}

// Opens a folder in another, which exists.
Descriptor
open_below(const Descriptor &parent, const std::string &name)
{
    Descriptor folder(
        openat(parent.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (folder.get() < 0)
        fail("the folder \"" + name + "\" cannot be opened");
    return folder;
}

// Opens a folder in another, and makes it first when it is missing.
Descriptor
make_below(const Descriptor &parent, const std::string &name)
{
    if (mkdirat(parent.get(), name.c_str(), 0700) == 0)
        fsync(parent.get());
    else if (errno != EEXIST)
        fail("the folder \"" + name + "\" cannot be made");
    return open_below(parent, name);
}

void
write_all(const Descriptor &file, std::string_view contents)
{
    while (!contents.empty()) {
        const ssize_t written = write(file.get(), contents.data(), contents.size());
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            fail("the new environment file cannot be written");
        contents.remove_prefix(static_cast<std::size_t>(written));
    }
}

} // namespace

std::string
file_name_for(std::string_view text)
{
    std::string name;
    for (const char c : percent_encode(text))
        name += c == '~' ? std::string("%7E") : std::string(1, c);
    if (name.starts_with('.'))
        name.replace(0, 1, "%2E");
    if (name.size() > max_name)
        name.replace(kept_prefix, std::string::npos, "~" + sha256_hex(text));
    return name;
}

SafeDirectory::SafeDirectory(const std::string &root, const std::vector<std::string> &names,
                             std::string file)
    : file_(std::move(file)), folder_(open_root(root))
{
    for (const std::string &name : names)
        folder_ = make_below(folder_, name);
}

SafeDirectory::SafeDirectory(Descriptor folder, std::string file)
    : file_(std::move(file)), folder_(std::move(folder))
{
}

SafeDirectory
SafeDirectory::of_file(const std::string &path)
{
    Descriptor folder(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (folder.get() < 0)
        fail("the folder / cannot be opened");
    std::size_t at = 1;
    for (std::size_t slash; (slash = path.find('/', at)) != std::string::npos; at = slash + 1)
        folder = open_below(folder, path.substr(at, slash - at));
    return {std::move(folder), path.substr(at)};
}

void
SafeDirectory::lock()
{
    lock_ = Descriptor(openat(folder_.get(), helper("lock").c_str(),
                              O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600));
    if (lock_.get() < 0)
        fail("the lock file cannot be opened");
    if (flock(lock_.get(), LOCK_EX | LOCK_NB) != 0)
        fail("the file is locked by another sidecar");
}

std::optional<Secret>
SafeDirectory::read(const std::string &name) const
{
    const Descriptor file(
        openat(folder_.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
    if (file.get() < 0 && errno == ENOENT)
        return std::nullopt;
    if (file.get() < 0)
        fail("\"" + name + "\" cannot be opened");
    struct stat status {
    };
    if (fstat(file.get(), &status) != 0)
        fail("\"" + name + "\" cannot be read");
    if (!S_ISREG(status.st_mode) || static_cast<std::size_t>(status.st_size) > largest_file)
        throw Failure(Failure::Kind::give_up,
                      "\"" + name + "\" is no file, or too large to be ours");
    std::string contents(static_cast<std::size_t>(status.st_size), '\0');
    std::size_t got = 0;
    while (got < contents.size()) {
        const ssize_t now = ::read(file.get(), contents.data() + got, contents.size() - got);
        if (now < 0 && errno == EINTR)
            continue;
        if (now < 0)
            fail("\"" + name + "\" cannot be read");
        if (now == 0)
            break;
        got += static_cast<std::size_t>(now);
    }
    return Secret(std::string_view(contents).substr(0, got));
}

void
SafeDirectory::remove(const std::string &name) const
{
    if (unlinkat(folder_.get(), name.c_str(), 0) != 0 && errno != ENOENT)
        fail("\"" + name + "\" cannot be removed");
}

void
SafeDirectory::replace(const std::string &name, std::string_view contents, bool &renamed) const
{
    renamed = false;
    const std::string temporary = helper("new");
    // Left over from a crash; the lock is ours, so nobody is writing it.
    if (unlinkat(folder_.get(), temporary.c_str(), 0) != 0 && errno != ENOENT)
        fail("an old temporary file cannot be removed");
    const Descriptor file(openat(folder_.get(), temporary.c_str(),
                                 O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (file.get() < 0)
        fail("the new environment file cannot be made");
    try {
        if (fchmod(file.get(), 0600) != 0)
            fail("the new environment file cannot be protected");
        write_all(file, contents);
        if (fsync(file.get()) != 0)
            fail("the new environment file cannot be synced");
        if (renameat(folder_.get(), temporary.c_str(), folder_.get(), name.c_str()) != 0)
            fail("the new environment file cannot take its name");
    } catch (const Failure &) {
        unlinkat(folder_.get(), temporary.c_str(), 0);
        throw;
    }
    renamed = true;
    if (fsync(folder_.get()) != 0)
        fail("the folder cannot be synced");
}

} // namespace sidecar
