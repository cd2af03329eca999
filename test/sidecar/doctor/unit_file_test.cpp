// What a unit with its drop-ins says of files, and where its credentials come from.
#include <gtest/gtest.h>

#include "base/failure.hpp"
#include "base/workspace.hpp"
#include "doctor/unit_file.hpp"

using namespace sidecar;

TEST(UnitFile, ReadsWhatTheServiceIsGiven)
{
    const Workspace work;
    work.write("x.service", "[Unit]\nUser=nobody\n[Service]\n# User=none\n"
                            "ExecStart=/bin/appinfrad serve \\\n  --config /etc/x.conf\n"
                            "LoadCredential=secret:/etc/x/secrets\nLoadCredential=one:/etc/one\n"
                            "Environment=A=1 \"B=two words\"\nStateDirectory=x y\n");
    const UnitFile unit = read_unit(work.path("x.service"));
    EXPECT_EQ(unit.config, "/etc/x.conf");
    EXPECT_EQ(unit.user, "");
    EXPECT_EQ(unit.environment.at("A"), "1");
    EXPECT_EQ(unit.environment.at("B"), "two words");
    EXPECT_EQ(unit.writable, (std::vector<std::string>{"/var/lib/x", "/var/lib/y"}));
    EXPECT_EQ(unit.source_of("%d/one"), "/etc/one");
    EXPECT_EQ(unit.source_of("/run/credentials/x.service/secret_tls.key"),
              "/etc/x/secrets/tls.key");
    EXPECT_EQ(unit.source_of("/run/credentials/other.service/one"), "");
    EXPECT_EQ(unit.source_of("%d/unknown"), "");
    EXPECT_EQ(unit.source_of("/etc/one"), "");
}

TEST(UnitFile, LetsDropInsAddAndClear)
{
    const Workspace work;
    work.write("x.service", "[Service]\nLoadCredential=one:/etc/one\nEnvironment=A=1\n");
    work.write("x.service.d/b.conf", "[Service]\nEnvironment=A=3\nUser=appinfra\n");
    work.write("x.service.d/a.conf",
               "[Service]\nLoadCredential=\nLoadCredential=two:/etc/two\nEnvironment=A=2\n");
    const UnitFile unit = read_unit(work.path("x.service"));
    EXPECT_EQ(unit.source_of("%d/one"), "");
    EXPECT_EQ(unit.source_of("%d/two"), "/etc/two");
    EXPECT_EQ(unit.environment.at("A"), "3");
    EXPECT_EQ(unit.user, "appinfra");
}

TEST(UnitFile, RefusesOneThatIsNotThere)
{
    EXPECT_THROW(read_unit("/no/such.service"), Failure);
}
