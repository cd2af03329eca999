// How often the service manager is told that we live.
#include <cstdlib>
#include <string>

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/supervisor.hpp"

using namespace sidecar;
using namespace std::chrono_literals;

namespace
{

// What a supervisor reads from these two variables; an empty one is not set.
std::optional<Duration>
interval(const std::string &limit, const std::string &process)
{
    setenv("WATCHDOG_USEC", limit.c_str(), 1);
    setenv("WATCHDOG_PID", process.c_str(), 1);
    if (limit.empty())
        unsetenv("WATCHDOG_USEC");
    if (process.empty())
        unsetenv("WATCHDOG_PID");
    const Supervisor supervisor;
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
    return supervisor.interval();
}

} // namespace

TEST(SupervisorInterval, IsHalfOfWhatIsAllowed)
{
    EXPECT_EQ(interval("400000", ""), Duration(200ms));
    EXPECT_EQ(interval("30000000", std::to_string(getpid())), Duration(15s));
    EXPECT_EQ(interval("1", ""), Duration(1ms));
}

TEST(SupervisorInterval, IsNoneWithoutAWatchdogOfOurs)
{
    EXPECT_EQ(interval("", ""), std::nullopt);
    EXPECT_EQ(interval("0", ""), std::nullopt);
    EXPECT_EQ(interval("400000", std::to_string(getpid() + 1)), std::nullopt);
}
