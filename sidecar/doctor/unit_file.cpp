// See unit_file.hpp.
#include "doctor/unit_file.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include "base/failure.hpp"
#include "base/readable.hpp"

namespace sidecar
{
namespace
{

namespace fs = std::filesystem;

constexpr const char *own_unit = "appinfrad.service";
constexpr const char *places[] = {"/etc/systemd/system", "/run/systemd/system",
                                  "/usr/local/lib/systemd/system", "/usr/lib/systemd/system"};

using Settings = std::map<std::string, std::vector<std::string>>;

std::string
trimmed(const std::string &text)
{
    const std::size_t from = text.find_first_not_of(" \t");
    return from == std::string::npos ? ""
                                     : text.substr(from, text.find_last_not_of(" \t\r") - from + 1);
}

// Adds the settings of a file's [Service] to those before it; an empty value clears these.
void
read_settings(const std::string &path, Settings &settings)
{
    check_readable("the unit", path);
    std::ifstream in(path);
    std::string section, whole;
    for (std::string line; std::getline(in, line);) {
        if (line.ends_with('\\')) {
            whole += line.substr(0, line.size() - 1) + " ";
            continue;
        }
        const std::string text = trimmed(whole + line);
        whole.clear();
        if (text.starts_with('['))
            section = text;
        const std::size_t equals = text.find('=');
        if (section != "[Service]" || equals == std::string::npos || text.find_first_of("#;") == 0)
            continue;
        std::vector<std::string> &values = settings[trimmed(text.substr(0, equals))];
        const std::string value = trimmed(text.substr(equals + 1));
        if (value.empty())
            values.clear();
        else
            values.push_back(value);
    }
}

// Returns the drop-ins of a unit in the order in which they count.
std::vector<std::string>
drop_ins_of(const fs::path &unit)
{
    std::map<std::string, std::string> found; // by name: a place above hides one below
    std::vector<std::string> folders(std::begin(places), std::end(places));
    folders.push_back(unit.parent_path());
    for (const std::string &folder : folders) {
        std::error_code none;
        for (const auto &entry :
             fs::directory_iterator(fs::path(folder) / (unit.filename().string() + ".d"), none))
            if (entry.path().extension() == ".conf")
                found.try_emplace(entry.path().filename(), entry.path());
    }
    std::vector<std::string> paths;
    paths.reserve(found.size());
    for (const auto &[name, path] : found)
        paths.push_back(path);
    return paths;
}

// Returns the words of a value; quotes hold one together, and are taken away.
std::vector<std::string>
words_in(const std::string &value)
{
    std::vector<std::string> words;
    std::string word;
    char quote = '\0';
    for (const char c : value + " ") {
        if (c == quote)
            quote = '\0';
        else if (quote == '\0' && (c == '"' || c == '\''))
            quote = c;
        else if (quote != '\0' || (c != ' ' && c != '\t'))
            word += c;
        else if (!word.empty())
            words.push_back(std::exchange(word, ""));
    }
    return words;
}

// Returns what a command line has for --config.
std::string
config_in(const std::vector<std::string> &words)
{
    for (std::size_t at = 0; at < words.size(); at++) {
        if (words[at].starts_with("--config="))
            return words[at].substr(9);
        if (words[at] == "--config" && at + 1 < words.size())
            return words[at + 1];
    }
    return "";
}

void
read_command(const std::vector<std::string> &words, UnitFile &unit)
{
    if (words.size() > 1)
        unit.command = words[1];
    unit.config = config_in(words);
}

// Returns the path of an installed unit; "": there is none of this name.
std::string
find_named(const std::string &name)
{
    for (const char *place : places)
        if (std::string path = std::string(place) + "/" + name; fs::exists(path))
            return path;
    return "";
}

} // namespace

std::string
UnitFile::source_of(const std::string &path_seen) const
{
    std::string id;
    for (const std::string &folder : {std::string("%d/"), "/run/credentials/" + name + "/"})
        if (path_seen.starts_with(folder))
            id = path_seen.substr(folder.size());
    if (id.empty())
        return "";
    if (const auto found = credentials.find(id); found != credentials.end())
        return found->second;
    for (const auto &[prefix, folder] : credentials) // a folder gives each of its files
        if (id.starts_with(prefix + "_"))
            return folder + "/" + id.substr(prefix.size() + 1);
    return "";
}

UnitFile
read_unit(const std::string &name)
{
    const std::string installed = name.find('/') == std::string::npos ? find_named(name) : "";
    const std::string path = installed.empty() ? name : installed;
    Settings settings;
    read_settings(path, settings);
    for (const std::string &drop_in : drop_ins_of(path))
        read_settings(drop_in, settings);
    UnitFile unit;
    unit.path = path;
    unit.name = fs::path(path).filename();
    if (!settings["User"].empty())
        unit.user = settings["User"].back();
    if (!settings["ExecStart"].empty())
        read_command(words_in(settings["ExecStart"].back()), unit);
    for (const std::string &value : settings["LoadCredential"])
        if (const std::size_t colon = value.find(':'); colon != std::string::npos)
            unit.credentials[value.substr(0, colon)] = value.substr(colon + 1);
    for (const std::string &value : settings["Environment"])
        for (const std::string &word : words_in(value))
            if (const std::size_t equals = word.find('='); equals != std::string::npos)
                unit.environment[word.substr(0, equals)] = word.substr(equals + 1);
    for (const std::string &value : settings["StateDirectory"])
        for (const std::string &word : words_in(value))
            unit.writable.push_back("/var/lib/" + word);
    for (const std::string &value : settings["ReadWritePaths"])
        for (const std::string &word : words_in(value))
            unit.writable.push_back(word.starts_with('-') ? word.substr(1) : word);
    return unit;
}

std::string
find_unit()
{
    return find_named(own_unit);
}

} // namespace sidecar
