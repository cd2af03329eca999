// See admin_socket.hpp.
#include "http/admin_socket.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <optional>
#include <system_error>

#include <grp.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/failure.hpp"

namespace sidecar
{
namespace
{

constexpr std::size_t entry_size = 64 * 1024; // of the user or the group with the longest entry

std::optional<unsigned>
number_in(const std::string &text)
{
    unsigned number = 0;
    const char *end = text.data() + text.size();
    const auto [rest, bad] = std::from_chars(text.data(), end, number);
    if (text.empty() || bad != std::errc() || rest != end)
        return std::nullopt;
    return number;
}

uid_t
user_named(const std::string &name)
{
    if (name.empty())
        return static_cast<uid_t>(-1);
    if (const auto number = number_in(name))
        return *number;
    std::vector<char> space(entry_size);
    passwd entry;
    passwd *found = nullptr;
    getpwnam_r(name.c_str(), &entry, space.data(), space.size(), &found);
    if (found == nullptr)
        refuse("--socket-owner: there is no such user");
    return found->pw_uid;
}

// What the kernel says of every group that a namespace does not know.
gid_t
overflow_group()
{
    gid_t group = 65534;
    std::ifstream("/proc/sys/kernel/overflowgid") >> group;
    return group;
}

gid_t
group_named(const std::string &name, const char *option)
{
    if (name.empty())
        return static_cast<gid_t>(-1);
    if (const auto number = number_in(name))
        return *number;
    std::vector<char> space(entry_size);
    group entry;
    group *found = nullptr;
    getgrnam_r(name.c_str(), &entry, space.data(), space.size(), &found);
    if (found == nullptr)
        refuse(std::string(option) + ": there is no such group");
    return found->gr_gid;
}

} // namespace

AdminSocket::AdminSocket(const AdminSocketSettings &settings)
    : owner_(user_named(settings.owner)),
      group_(group_named(settings.group.empty() ? settings.admin_group : settings.group,
                         settings.group.empty() ? "--socket-admin-group" : "--socket-group")),
      admin_group_(group_named(settings.admin_group, "--socket-admin-group"))
{
    if (admin_group_ == overflow_group())
        refuse("--socket-admin-group: this group stands for all that a namespace does not know");
}

void
AdminSocket::hand_over(const std::string &path) const
{
    if (lchown(path.c_str(), owner_, group_) != 0 || chmod(path.c_str(), 0660) != 0)
        refuse("the socket \"" + path + "\" cannot be given to its owner and group: " +
               std::generic_category().message(errno) +
               "; the process may give it to groups that it is in");
}

bool
AdminSocket::admits(const PeerAccount &account) const
{
    return account.user == 0 || (admin_group_ != static_cast<gid_t>(-1) &&
                                 std::find(account.groups.begin(), account.groups.end(),
                                           admin_group_) != account.groups.end());
}

PeerAccount
account_of(int socket)
{
    const auto fail = [] {
        throw std::system_error(errno, std::generic_category(), "the peer of a socket");
    };
    ucred peer{};
    socklen_t size = sizeof peer;
    if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
        fail();
    PeerAccount account{peer.uid, std::vector<gid_t>(64)};
    for (;;) { // the second time with as much room as the kernel asked for
        size = static_cast<socklen_t>(account.groups.size() * sizeof(gid_t));
        const int done =
            getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, account.groups.data(), &size);
        if (done != 0 && errno != ERANGE)
            fail();
        account.groups.resize(size / sizeof(gid_t));
        if (done == 0)
            break;
    }
    account.groups.push_back(peer.gid);
    return account;
}

std::string
name_of_user(uid_t user)
{
    std::vector<char> space(entry_size);
    passwd entry;
    passwd *found = nullptr;
    getpwuid_r(user, &entry, space.data(), space.size(), &found);
    return found != nullptr ? found->pw_name : std::to_string(user);
}

} // namespace sidecar
