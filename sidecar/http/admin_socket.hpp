// The socket of this machine's administrators: whose the file is, and who may speak through it.
// That is asked of the kernel, when somebody connects; nothing that is sent decides it. Whoever may
// connect but does not administer is answered, with a refusal.
#pragma once

#include <string>
#include <vector>

#include <sys/types.h>

namespace sidecar
{

struct AdminSocketSettings {
    std::string path;        // empty: there is none
    std::string owner;       // of the file, a name or a number; empty: the process's user
    std::string group;       // of the file; empty: admin_group, or the process's
    std::string admin_group; // whose members administer; empty: root alone does
};

// Who has connected, as the kernel says.
struct PeerAccount {
    uid_t user = static_cast<uid_t>(-1);
    std::vector<gid_t> groups;
};

class AdminSocket
{
public:
    // Throws a configuration Failure when an account or a group is not there, or stands for all
    // that the process does not know.
    explicit AdminSocket(const AdminSocketSettings &settings);

    // Makes the file the owner's and the group's, 0660. Nobody can connect before that when it is
    // bound and does not listen yet. Throws a configuration Failure.
    void hand_over(const std::string &path) const;

    // Whether this account administers: root, and members of the group.
    bool admits(const PeerAccount &account) const;

private:
    uid_t owner_;
    gid_t group_;
    gid_t admin_group_;
};

// Who is at the other end of a unix socket. Throws a system_error when the kernel does not say.
PeerAccount account_of(int socket);

// The name of a user, or the number where there is none.
std::string name_of_user(uid_t user);

} // namespace sidecar
