// A database for tests that look at its answers only: transactions and users are nothing to it.
#pragma once

#include <string>

#include "platform/database.hpp"

struct QuietDatabase : sidecar::Database {
    void
    begin() override
    {
    }
    void
    commit() override
    {
    }
    void
    act_for(const std::string &) override
    {
    }
};
