// A private PostgreSQL server for a test.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>

#include <unistd.h>

#include "base/workspace.hpp"

// A server of its own, reachable over a socket only.
class Server
{
public:
    // Starts it, and runs the statements.
    explicit Server(const std::string &statements)
    {
        bin_ = shell("pg_config --bindir | tr -d '\\n'");
        std::filesystem::permissions(work.root, std::filesystem::perms::all);
        run("'" + bin_ + "/initdb' -D '" + data() + "' -A trust -U postgres -N && '" + bin_ +
            "/pg_ctl' -D '" + data() + "' -w -l '" + work.path("log") +
            "' -o \"-c listen_addresses='' -c fsync=off -c unix_socket_directories='" +
            work.root.string() + "'\" start");
        sql(statements);
    }

    ~Server()
    {
        run("'" + bin_ + "/pg_ctl' -D '" + data() + "' -m immediate stop");
    }

    std::string
    sql(const std::string &statement) const
    {
        work.write("statement.sql", statement);
        return shell("psql -XAtq -h '" + work.root.string() + "' -U postgres -d postgres -f '" +
                     work.path("statement.sql") + "' 2>&1");
    }

    std::string
    address() const
    {
        return "host=" + work.root.string() + " user=postgres dbname=postgres";
    }

    Workspace work;

private:
    std::string
    data() const
    {
        return work.path("data");
    }

    // As a user the server accepts.
    void
    run(const std::string &command) const
    {
        work.write("command.sh", "cd /\n" + command + "\n");
        shell((geteuid() == 0 ? "runuser -u postgres -- sh '" : "sh '") + work.path("command.sh") +
              "' >'" + work.path("run.log") + "' 2>&1 </dev/null");
    }

    std::string bin_;
};

// A suite whose tests share one server, which has run Suite::statements.
template <typename Suite> class ServerTest : public testing::Test
{
public:
    static void
    SetUpTestSuite()
    {
        server = std::make_unique<Server>(Suite::statements);
    }
    static void
    TearDownTestSuite()
    {
        server.reset();
    }

    static inline std::unique_ptr<Server> server;
};
