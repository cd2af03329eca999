// A file that is missing and one that may not be read are told apart.
#include <gtest/gtest.h>

#include <unistd.h>

#include "base/failure.hpp"
#include "base/process.hpp"
#include "base/readable.hpp"
#include "base/workspace.hpp"

using namespace sidecar;

namespace
{

template <typename Body>
std::string
refusal_in(Body body)
{
    try {
        body();
    } catch (const Failure &failure) {
        EXPECT_EQ(failure.kind(), Failure::Kind::configuration);
        return failure.what();
    }
    return "";
}

// Is nobody for as long as it lives, where the tests run as root.
class Nobody
{
public:
    Nobody()
    {
        if (geteuid() == 0 && seteuid(65534) != 0)
            throw std::runtime_error("seteuid");
    }
    ~Nobody()
    {
        if (getuid() == 0 && seteuid(0) != 0)
            std::abort();
    }
    Nobody(const Nobody &) = delete;
};

} // namespace

TEST(Readable, SaysThatAFileIsMissing)
{
    const Workspace work;
    EXPECT_EQ(refusal_in([&] { check_readable("CA file", work.path("none")); }),
              "CA file \"" + work.path("none") + "\" cannot be read: No such file or directory");
}

TEST(Readable, SaysWhoMayNotReadAFileAndHowAServiceGetsIt)
{
    const Workspace work;
    work.write("token", "word");
    std::filesystem::permissions(work.path("token"), std::filesystem::perms::none);
    const Nobody nobody;
    const std::string text = refusal_in([&] { secret_from_file(work.path("token")); });
    EXPECT_NE(text.find("Permission denied; hint: this process runs as user " +
                        std::to_string(geteuid())),
              std::string::npos)
        << text;
    EXPECT_NE(text.find("LoadCredential="), std::string::npos);
}

TEST(Readable, IsQuietAboutAFileThatCanBeRead)
{
    const Workspace work;
    work.write("ca.pem", "");
    EXPECT_EQ(refusal_in([&] { check_readable("CA file", work.path("ca.pem")); }), "");
}
