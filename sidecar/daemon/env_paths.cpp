// See env_paths.hpp.
#include "daemon/env_paths.hpp"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "base/failure.hpp"
#include "base/text.hpp"
#include "base/option_values.hpp"

namespace sidecar
{
namespace
{

namespace fs = std::filesystem;

constexpr std::size_t longest_name = 200; // leaves room for the names of the helpers

// Refuses a path that could be read in more than one way, or whose helpers could be in the way of
// other files.
void
check_path(const std::string &path)
{
    if (!path.starts_with('/'))
        refuse("--env-files must be APP=PATH,..., with absolute paths");
    for (std::size_t at = 0; at < path.size();) {
        const std::size_t end = std::min(path.find('/', at + 1), path.size());
        const std::string part = path.substr(at + 1, end - at - 1);
        if (part.empty())
            refuse("--env-files: a path must name a file, without // and without / at its end");
        if (part.starts_with('.'))
            refuse("--env-files: no part of a path may begin with a dot");
        if (part.size() > longest_name)
            refuse("--env-files: a part of a path is longer than " + std::to_string(longest_name) +
                   " bytes");
        at = end;
    }
    if (path.ends_with(".ca.pem"))
        refuse("--env-files: a path may not end in .ca.pem, as the certificates of another may");
}

// Refuses a target that is neither an app nor a container of one.
void
check_target(const std::string &target)
{
    const std::size_t slash = target.find('/');
    if (slash == std::string::npos)
        return;
    const std::string container = target.substr(slash + 1);
    if (slash == 0 || container.empty() || container.find('/') != std::string::npos ||
        container == "app" || container == "svc")
        refuse("--env-files: \"" + clean_text(target) +
               "\" is neither APP nor APP/CONTAINER; a slash within an app's id is %2F");
}

// Says whether path is folder, or something in it.
bool
is_within(const fs::path &path, const fs::path &folder)
{
    const fs::path rest = path.lexically_relative(folder);
    return !rest.empty() && *rest.begin() != "..";
}

// Returns where a path leads, as far as it exists.
fs::path
resolved(const fs::path &path)
{
    std::error_code error;
    const fs::path found = fs::weakly_canonical(path, error);
    return error ? path : found;
}

// Refuses a path below the sink's folder, where it could be another target's file.
void
check_outside(const std::string &path, const std::string &directory)
{
    // "DIR/" would have an empty last part, which no path in it has.
    const fs::path folder = fs::absolute(directory + "/.").lexically_normal().parent_path();
    if (is_within(path, folder) || is_within(resolved(path), resolved(folder)))
        refuse("--env-files: a path lies in the folder of --sink=file:DIR, where each app has its "
               "file anyway");
}

} // namespace

EnvPaths
env_paths_of(const std::string &text, const std::string &directory)
{
    EnvPaths paths;
    for (const std::string &word : words_of(text)) {
        const std::size_t equals = word.find('=');
        if (equals == 0 || equals == std::string::npos)
            refuse("--env-files must be APP=PATH,..., with absolute paths");
        const std::string target = word.substr(0, equals);
        const std::string path = word.substr(equals + 1);
        check_target(target);
        check_path(path);
        check_outside(path, directory);
        for (const auto &[known, other] : paths)
            if (other == path)
                refuse("--env-files names a path twice");
        if (!paths.emplace(target, path).second)
            refuse("--env-files names an app twice");
    }
    return paths;
}

} // namespace sidecar
