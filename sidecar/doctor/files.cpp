// See files.hpp.
#include "doctor/files.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sidecar
{
namespace
{

namespace fs = std::filesystem;

constexpr mode_t reads = 4;
constexpr mode_t enters = 1;

// Whose rights count: those of a user by name, or of one who owns nothing and is in no group.
struct Reader {
    uid_t user = static_cast<uid_t>(-1);
    gid_t group = static_cast<gid_t>(-1);

    bool
    may(const struct stat &status, mode_t right) const
    {
        if (user == 0)
            return true;
        const int shift = status.st_uid == user ? 6 : status.st_gid == group ? 3 : 0;
        return (status.st_mode >> shift & right) != 0;
    }
};

Reader
reader_of(const UnitFile &unit)
{
    // cppcheck-suppress getpwnamCalled ; one thread asks
    const passwd *entry = unit.user.empty() ? nullptr : getpwnam(unit.user.c_str());
    return entry != nullptr ? Reader{entry->pw_uid, entry->pw_gid} : Reader{};
}

// Says why a reader cannot open a file, with what to do; "" when it can.
std::string
obstacle(const fs::path &path, const Reader &reader, std::string &remedy)
{
    struct stat status;
    fs::path folder;
    for (const fs::path &part : path.parent_path()) {
        folder /= part;
        if (stat(folder.c_str(), &status) == 0 && !reader.may(status, enters)) {
            remedy = "chmod 755 " + folder.string();
            return "its user may not enter " + folder.string();
        }
    }
    if (stat(path.c_str(), &status) != 0) {
        remedy = "put it there, or correct the option";
        return std::strerror(errno);
    }
    if (!reader.may(status, reads)) {
        remedy = "chmod 644 " + path.string();
        return "its user may not read it";
    }
    return "";
}

// Judges what systemd, as root, reads and hands over.
void
look_at_credential(const NamedFile &file, const std::string &source, CheckResults &results)
{
    const std::string what = "--" + file.option + ": " + source;
    std::string remedy;
    struct stat status;
    if (lstat(source.c_str(), &status) != 0)
        results.fail("files", what + ": " + std::strerror(errno),
                     errno == EACCES ? "run this command as root"
                                     : "put the file there, mode 0400");
    else if (!S_ISREG(status.st_mode))
        results.fail("files", what + " is no file; systemd hands over no links",
                     "put a copy of the file there");
    else if (file.is_secret && obstacle(source, Reader{}, remedy).empty())
        results.warn("files", what + " is a secret that everybody on this machine can read",
                     "chmod 400 " + source);
    else
        results.ok("files", what + " is handed over to the service");
}

void
look_at_file(const NamedFile &file, const std::optional<UnitFile> &unit, CheckResults &results)
{
    const std::string what = "--" + file.option + ": " + file.path;
    if (const std::string source = unit ? unit->source_of(file.path) : ""; !source.empty())
        return look_at_credential(file, source, results);
    if (unit && file.path.starts_with("/run/credentials/"))
        return results.fail("files", what + " is none of the service's credentials",
                            "add a LoadCredential= to the unit, or correct the option");
    std::string remedy;
    std::string why;
    if (unit)
        why = obstacle(file.path, reader_of(*unit), remedy);
    else if (access(file.path.c_str(), R_OK) != 0) {
        why = std::strerror(errno);
        remedy = "put it there, or let this user read it";
    }
    if (why.empty())
        return results.ok("files", what + " can be read");
    if (file.is_secret && unit)
        remedy = "put it into the folder of LoadCredential=, and name it as " + file.option +
                 " = \"/run/credentials/" + unit->name + "/secret_NAME\"";
    results.fail("files", what + ": the service cannot read it: " + why, remedy);
}

bool
is_below(const std::string &path, const std::vector<std::string> &folders)
{
    for (const std::string &folder : folders)
        if (path == folder || path.starts_with(folder + "/"))
            return true;
    return false;
}

} // namespace

void
look_at_files(const std::vector<NamedFile> &files, const std::optional<UnitFile> &unit,
              CheckResults &results)
{
    for (const NamedFile &file : files)
        look_at_file(file, unit, results);
}

void
look_at_folders(const std::vector<std::string> &folders, const std::optional<UnitFile> &unit,
                CheckResults &results)
{
    for (const std::string &folder : folders) {
        if (unit && !is_below(folder, unit->writable))
            results.fail("folders", folder + ": the unit keeps the service from writing there",
                         "by systemctl edit: [Service] ReadWritePaths=" + folder +
                             ", and a User= that owns it");
        else if (!unit && access(folder.c_str(), W_OK | X_OK) != 0)
            results.fail("folders", folder + ": " + std::strerror(errno),
                         "make it, and give it to the sidecar's user");
        else
            results.ok("folders", folder + " can be written");
    }
}

} // namespace sidecar
