// The verb that opens psql with a credential of its own, and revokes it when psql has ended,
// however that came. The password is in a file of memory that psql alone inherits: it stands in no
// environment, on no command line and on no disk.
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <system_error>
#include <vector>

#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/descriptor.hpp"
#include "base/failure.hpp"
#include "base/signals.hpp"
#include "cli/dsn.hpp"
#include "cli/exit_codes.hpp"
#include "cli/handout.hpp"
#include "cli/names.hpp"
#include "cli/verbs.hpp"

namespace sidecar::cli::verbs
{
namespace
{

constexpr int not_started = 127; // exit code, as of a shell

[[noreturn]] void
fail(const char *what)
{
    throw std::system_error(errno, std::generic_category(), what);
}

// A file of memory with the password, which libpq takes for a password file: for its owner alone.
Descriptor
file_of_memory(const Secret &line)
{
    Descriptor file(memfd_create("pgpass", 0)); // to be inherited
    if (file.get() < 0 || fchmod(file.get(), 0600) != 0)
        fail("a file of memory");
    const std::string_view text = line.reveal();
    if (write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
        fail("a file of memory");
    return file;
}

// In the child: becomes psql. What would lead libpq elsewhere is taken out of the environment.
[[noreturn]] void
become_psql(const std::vector<const char *> &arguments, const std::string &password_file)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    std::signal(SIGPIPE, SIG_DFL);
    for (const char *name : {"PGPASSWORD", "PGHOST", "PGHOSTADDR", "PGPORT", "PGUSER", "PGDATABASE",
                             "PGSERVICE", "PGSERVICEFILE"})
        unsetenv(name);
    setenv("PGPASSFILE", password_file.c_str(), 1);
    execvp("psql", const_cast<char *const *>(arguments.data()));
    const int error = errno;
    const std::string why = std::string("appinfra: psql cannot be started: ") +
                            std::strerror(error) + " (package postgresql-client)\n";
    [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, why.data(), why.size());
    _exit(not_started);
}

// Waits until the child has ended. The terminal sends its signals to the child as well; those that
// are for this process alone are passed on.
int
wait_for_child(pid_t child, const Signals &signals)
{
    const Descriptor ended(static_cast<int>(syscall(SYS_pidfd_open, child, 0)));
    if (ended.get() < 0)
        fail("pidfd_open");
    for (;;) {
        std::array<pollfd, 2> events{{{ended.get(), POLLIN, 0}, {signals.fd(), POLLIN, 0}}};
        if (poll(events.data(), events.size(), -1) < 0 && errno != EINTR)
            fail("poll");
        for (int signal = signals.take(); signal != 0; signal = signals.take())
            if (signal != SIGINT)
                kill(child, signal);
        int status = 0;
        if (waitpid(child, &status, WNOHANG) == child)
            return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
}

// Runs psql and returns its exit code.
int
psql(const Session &session, const Dsn &dsn, const Signals &signals)
{
    const Descriptor file = file_of_memory(password_line(dsn.password));
    const std::string path = "/proc/self/fd/" + std::to_string(file.get());
    std::vector<const char *> arguments = {"psql", dsn.url.c_str()};
    for (std::size_t at = 1; at < session.line.operands.size(); at++)
        arguments.push_back(session.operand(at).c_str());
    arguments.push_back(nullptr);
    const pid_t child = fork();
    if (child < 0)
        fail("fork");
    if (child == 0)
        become_psql(arguments, path);
    return wait_for_child(child, signals);
}

// Revokes a login; it ends by itself later where that cannot be.
void
revoke(const Session &session, const std::string &id, const std::string &login)
{
    try {
        session.client.call("DELETE", api_path({"databases", id, "credentials", login}) +
                                          query_of({{"reason", "psql has ended"}}));
    } catch (const std::exception &error) {
        session.terminal.note("appinfra: " + login + " could not be revoked (" + error.what() +
                              "); it ends by itself after " + session.option("valid-for"));
    }
}

} // namespace

int
run_psql(const Session &session)
{
    const std::string id = database_named(session.client, session.operand(0));
    const Signals signals; // from here on no signal ends this process before the login is revoked
    const Json issued = issued_credential(session, id);
    const json_t *connection = json_object_get(issued.get(), "connection");
    const std::string login = value_text(json_object_get(connection, "username"));
    try {
        const json_t *url = json_object_get(connection, "url");
        const int code =
            psql(session, dsn_of(json_is_string(url) ? json_string_value(url) : ""), signals);
        revoke(session, id, login);
        return code;
    } catch (...) {
        revoke(session, id, login);
        throw;
    }
}

} // namespace sidecar::cli::verbs
