// Runs `appinfrad check-env` as main does, on an environment a test gives it, and keeps what came
// of it.
#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "check_env/check_env.hpp"

namespace check_env_test
{

using namespace sidecar;

// Roles by login; a login "broken" makes the server fail.
class FakeRoles final : public RoleCatalog
{
public:
    std::map<std::string, std::vector<RoleFact>> logins;
    std::string asked_database;

    std::vector<RoleFact>
    roles_of(const std::string &user, const std::string &database) override
    {
        asked_database = database;
        if (user == "broken")
            throw std::runtime_error("the server went away");
        const auto found = logins.find(user);
        return found == logins.end() ? std::vector<RoleFact>{} : found->second;
    }
};

// What a run printed, and what the JSON of the same run says.
struct Ran {
    int code = -1;
    std::string out;
    std::string err;

    // "rule" of every violation, or warning, sorted, with blanks between.
    std::string
    rules(const char *list = "violations") const
    {
        const Json json = parse_json(out);
        std::multiset<std::string> rules;
        std::size_t at;
        json_t *entry;
        json_array_foreach(json_object_get(json.get(), list), at, entry)
            rules.insert(json_string_value(json_object_get(entry, "rule")));
        std::string text;
        for (const std::string &rule : rules)
            text += (text.empty() ? "" : " ") + rule;
        return text;
    }
};

// What surrounds one run: standard input, a process environment, a server.
struct Scene {
    std::string input;
    std::vector<std::pair<std::string, std::string>> environment;
    std::string database_url;
    std::string database_url_file;
    FakeRoles *roles = nullptr;
    bool unreachable = false;
    std::string connected_with; // set by the run

    Ran
    run(const std::vector<std::string> &arguments)
    {
        std::istringstream in(input);
        std::ostringstream out, err;
        CheckEnvInput asked{{},
                            Secret(database_url),
                            database_url_file,
                            {in, out, err},
                            [this](const Secret &conninfo) {
                                return connect(conninfo);
                            }};
        for (const auto &[name, value] : environment)
            asked.environment.push_back({name, Secret(value)});
        const int code = check_env(arguments, asked);
        return {code, out.str(), err.str()};
    }

private:
    std::unique_ptr<RoleCatalog>
    connect(const Secret &conninfo)
    {
        connected_with = conninfo.reveal();
        if (unreachable || roles == nullptr)
            throw std::runtime_error("no server there");
        return std::make_unique<FakeRoles>(*roles);
    }
};

// Checks a file given on standard input.
inline Ran
check_file(const std::string &text, std::vector<std::string> arguments = {"--json"})
{
    arguments.push_back("-");
    Scene scene;
    scene.input = text;
    return scene.run(arguments);
}

} // namespace check_env_test
