// Whom the administrators' socket admits, and what the kernel says of who is at the other end.
#include <gtest/gtest.h>

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/failure.hpp"
#include "http/admin_socket.hpp"

using namespace sidecar;

namespace
{

AdminSocket
for_group(const std::string &group)
{
    return AdminSocket({"/unused", "", "", group});
}

} // namespace

TEST(AdminSocket, AdmitsRootAloneWithoutAGroup)
{
    const AdminSocket socket = for_group("");
    EXPECT_TRUE(socket.admits({0, {}}));
    EXPECT_FALSE(socket.admits({1000, {0, 1000}}));
    EXPECT_FALSE(socket.admits({1000, {static_cast<gid_t>(-1)}}));
}

TEST(AdminSocket, AdmitsMembersOfTheGroup)
{
    const AdminSocket socket = for_group("4711");
    EXPECT_TRUE(socket.admits({0, {}}));
    EXPECT_TRUE(socket.admits({1000, {1000, 4711}}));
    EXPECT_FALSE(socket.admits({1000, {1000, 4712}}));
}

TEST(AdminSocket, TakesNoGroupThatIsNotThereOrStandsForAll)
{
    EXPECT_THROW(for_group("no-such-group-here"), Failure);
    EXPECT_THROW(for_group("65534"),
                 Failure); // what a namespace shows of the groups it does not know
    EXPECT_THROW(AdminSocket({"/unused", "no-such-user-here", "", ""}), Failure);
}

TEST(AdminSocket, IsToldByTheKernelWhoIsThere)
{
    int ends[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    const PeerAccount account = account_of(ends[0]);
    EXPECT_EQ(account.user, geteuid());
    EXPECT_NE(std::find(account.groups.begin(), account.groups.end(), getegid()),
              account.groups.end());
    close(ends[0]);
    close(ends[1]);
}
