// The producer of test/peer in a process of its own, and a socket that misbehaves below HTTP.
#pragma once

#include <csignal>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

class Peer
{
public:
    // Starts the producer and waits until it listens.
    explicit Peer(std::vector<std::string> arguments)
    {
        int pipe_ends[2];
        if (pipe(pipe_ends) != 0)
            throw std::runtime_error("pipe");
        arguments.insert(arguments.begin(), {"python3", APPINFRA_PEERS "/producer.py"});
        process_ = fork();
        if (process_ == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            dup2(pipe_ends[1], STDOUT_FILENO);
            std::vector<char *> values;
            for (std::string &argument : arguments)
                values.push_back(argument.data());
            values.push_back(nullptr);
            execvp("python3", values.data());
            _exit(127);
        }
        close(pipe_ends[1]);
        FILE *out = fdopen(pipe_ends[0], "r");
        if (fscanf(out, "listening %d", &port) != 1)
            throw std::runtime_error("the producer did not start");
        fclose(out);
    }

    ~Peer()
    {
        kill(process_, SIGKILL);
        waitpid(process_, nullptr, 0);
    }
    Peer(const Peer &) = delete;

    std::string
    url(const std::string &scheme = "http", const std::string &host = "127.0.0.1") const
    {
        return scheme + "://" + host + ":" + std::to_string(port);
    }

    int port = 0;

private:
    pid_t process_ = -1;
};

// A bound TCP port of the loopback address: refuses connections, or, listening, takes them into
// the backlog and never says a word.
class Port
{
public:
    explicit Port(bool listening)
    {
        fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        if (bind(fd_, reinterpret_cast<sockaddr *>(&address), size) != 0 ||
            (listening && listen(fd_, 8) != 0))
            throw std::runtime_error("bind");
        getsockname(fd_, reinterpret_cast<sockaddr *>(&address), &size);
        number = ntohs(address.sin_port);
    }
    ~Port()
    {
        close(fd_);
    }
    Port(const Port &) = delete;

    int number = 0;

private:
    int fd_ = -1;
};
