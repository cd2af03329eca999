// See settings.hpp.
#include "cli/settings.hpp"

#include <utility>

#include <sys/stat.h>

#include "base/curl.hpp"
#include "base/failure.hpp"
#include "base/process.hpp"
#include "base/text.hpp"
#include "cli/environment.hpp"

namespace sidecar::cli
{
namespace
{

constexpr const char *usual_profile = "default";

// A path of a profile: one that begins with ~/ is below the home.
std::string
at_home(const std::string &path)
{
    return path.starts_with("~/") ? environment("HOME") + path.substr(1) : path;
}

void
check_profile(const std::string &name, const OptionValues &profile, const std::string &path)
{
    for (const auto &[key, value] : profile)
        if (key != "url" && key != "token" && key != "token-file" && key != "ca")
            refuse("profile \"" + name + "\" sets \"" + clean_text(key) +
                   "\"; it may set url, token, token-file and ca");
    if (!profile.contains("url"))
        refuse("profile \"" + name + "\" has no url");
    struct stat found;
    if (profile.contains("token") && stat(path.c_str(), &found) == 0 && (found.st_mode & 077) != 0)
        refuse("\"" + path + "\" holds a token and others can read it: chmod 600");
    if (profile.contains("token") && profile.contains("token-file"))
        refuse("profile \"" + name + "\" has both token and token-file");
}

// The profile of a name; empty when there is none and nobody has asked for it.
OptionValues
profile_named(const std::string &asked)
{
    const std::string path = profiles_path();
    struct stat found;
    if (path.empty() || stat(path.c_str(), &found) != 0) {
        if (!asked.empty())
            refuse("there is no profile \"" + clean_text(asked) + "\": no file \"" + path + "\"");
        return {};
    }
    const std::string name = asked.empty() ? usual_profile : asked;
    const auto sections = read_sections(path);
    const auto section = sections.find(name);
    if (section == sections.end() && asked.empty())
        return {};
    if (section == sections.end())
        refuse("\"" + path + "\" has no profile \"" + clean_text(asked) + "\"");
    check_profile(name, section->second, path);
    return section->second;
}

std::string
value_or(const OptionValues &values, const char *name, const std::string &fallback = "")
{
    const auto found = values.find(name);
    return found == values.end() ? fallback : found->second;
}

// The token, of the environment or the profile.
Secret
token_of(const OptionValues &values, const OptionValues &profile, Secret token)
{
    const std::string &file = values.at("token-file");
    if (!token.empty() && !file.empty())
        refuse("APPINFRA_TOKEN and --token-file (APPINFRA_TOKEN_FILE) are both set");
    if (!token.empty())
        return token;
    if (!file.empty())
        return secret_from_file(file);
    if (profile.contains("token"))
        return Secret(profile.at("token"));
    const std::string named = at_home(value_or(profile, "token-file"));
    return named.empty() ? Secret() : secret_from_file(named);
}

} // namespace

std::string
profiles_path()
{
    const std::string configured = environment("XDG_CONFIG_HOME");
    const std::string home = environment("HOME");
    if (!configured.empty())
        return configured + "/appinfra/config";
    return home.empty() ? "" : home + "/.config/appinfra/config";
}

Secret
take_token()
{
    return take_from_environment("APPINFRA_TOKEN");
}

Server
server_of(const OptionValues &values, Secret token)
{
    const std::string &url = values.at("url");
    const std::string &asked = values.at("profile");
    OptionValues profile;
    if (url.empty())
        profile = profile_named(asked);
    else if (!asked.empty())
        refuse("--url (APPINFRA_URL) and --profile (APPINFRA_PROFILE) are both set");
    Server server;
    server.url = url.empty() ? value_or(profile, "url", usual_socket) : url;
    const std::string &authorities = values.at("ca");
    server.authorities =
        read_authorities(authorities.empty() ? at_home(value_or(profile, "ca")) : authorities);
    server.token = token_of(values, profile, std::move(token));
    return server;
}

} // namespace sidecar::cli
