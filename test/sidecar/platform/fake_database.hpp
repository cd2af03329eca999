// A database that is a table of answers, and what the tests of use cases say with it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "platform/caller.hpp"
#include "platform/database.hpp"
#include "platform/fields.hpp"
#include "platform/problem.hpp"

namespace sidecar
{

struct FakeDatabase final : Database {
    std::optional<std::string>
    value(const Query &query, const Parameters &parameters) override
    {
        asked.emplace_back(query.name, parameters);
        if (query.name == gives_away)
            answers.erase("own");
        const auto found = answers.find(query.name);
        return found == answers.end() ? std::nullopt : found->second;
    }
    void
    begin() override
    {
        asked.emplace_back("begin", Parameters());
    }
    void
    commit() override
    {
        asked.emplace_back("commit", Parameters());
    }
    void
    act_for(const std::string &user) override
    {
        acting = user;
    }

    Parameters
    parameters_of(const std::string &name) const
    {
        for (const auto &[query, parameters] : asked)
            if (query == name)
                return parameters;
        return {};
    }

    std::map<std::string, std::optional<std::string>> answers;
    std::vector<std::pair<std::string, Parameters>> asked;
    std::string acting;
    std::string gives_away; // a query while which the database becomes another's
};

inline const std::string id = "db-0123456789ab";
inline const Caller user{"u@example.com", false};
inline const std::string nobodys = R"({"owner":null,"slug":null})";
inline const Caller admin{"root@example.com", true};
inline const std::string made =
    R"({"db_id":"db-0123456789ab","connection":{"password":"p","url":"u"}})";

inline Input
input(const char *json, Fieldset fields)
{
    return Input(parse_object(json).get(), fields);
}

template <typename Body>
Problem
problem_in(Body body)
{
    try {
        body();
    } catch (const Problem &problem) {
        return problem;
    }
    return {0, "none", "nothing was refused"};
}

} // namespace sidecar
