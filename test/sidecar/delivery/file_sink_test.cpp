// The environment-file sink: quoting, what is kept, versions, and who may not lead it astray.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/failure.hpp"
#include "base/safe_directory.hpp"
#include "base/workspace.hpp"
#include "delivery/env_file.hpp"
#include "delivery/file_sink.hpp"

using namespace sidecar;

namespace
{

constexpr const char *host = "3f0c0000-0000-4000-8000-000000000001";

Publication
setting(const std::string &name, const std::string &value, std::int64_t version,
        const std::string &app = "app-1")
{
    Publication publication;
    publication.host_id = host;
    publication.id = version;
    publication.attempt = 1;
    publication.version = version;
    publication.app_id = publication.target = app;
    publication.set.push_back({name, Secret(value)});
    return publication;
}

std::string
set_in(const std::string &text, const std::string &name, const std::string &value)
{
    EnvFile file(text);
    file.set(name, Secret(value));
    return std::string(file.text().reveal());
}

mode_t
mode_of(const std::string &path)
{
    struct stat status {
    };
    return stat(path.c_str(), &status) == 0 ? status.st_mode & 07777 : 0;
}

} // namespace

TEST(EnvFileText, ReadsBackFromAShellAsItWasSet)
{
    const Workspace work;
    for (const std::string &value :
         {std::string("postgres://u:p@h:5432/d?sslmode=require"), std::string("$HOME `id` $(id)"),
          std::string("a\"b'c\\d\\\\"), std::string("  blanks  "), std::string("#;=&|<>*?[]{}!~"),
          std::string("gr\xC3\xBC\xC3\x9F"), std::string("")}) {
        work.write("app.env", set_in("", "VALUE", value));
        EXPECT_EQ(shell(". '" + work.path("app.env") + "'; printf %s \"$VALUE\""), value);
    }
}

TEST(EnvFileText, EscapesWhatSystemdUnescapesInDoubleQuotes)
{
    EXPECT_EQ(set_in("", "V", "a\"b\\c$d`e'f"), "V=\"a\\\"b\\\\c\\$d\\`e'f\"\n");
}

TEST(EnvFileText, KeepsWhatIsNotOurs)
{
    const std::string others =
        "# a comment = \"\n; another '\n\nOTHER='x y'\nnot an assignment it's\n"
        "MULTI=\"one\nURL=two\nthree\"\nCONT=a\\\n  b\nexport EXP=1\n";
    EXPECT_EQ(set_in(others, "URL", "v"), others + "URL=\"v\"\n");
    EnvFile file(others);
    EXPECT_FALSE(file.has("URL")); // only inside of a value
    EXPECT_TRUE(file.has("EXP"));
    EXPECT_EQ(file.text().reveal(), others);
}

TEST(EnvFileText, ReplacesInPlaceAndLeavesOneLine)
{
    EXPECT_EQ(set_in("A=1\nURL=old\nB=2\n  export URL = 'older\nstill'\nC=3", "URL", "new"),
              "A=1\nURL=\"new\"\nB=2\nC=3");
    EXPECT_EQ(set_in("A=1", "URL", "new"), "A=1\nURL=\"new\"\n");
}

TEST(EnvFileText, IsNotSwallowedByAContinuedComment)
{
    EXPECT_EQ(set_in("# note \\\n", "URL", "v"), "# note \\\n\nURL=\"v\"\n");
}

TEST(EnvFileText, UnsetsEveryLine)
{
    EnvFile file("URL=1\nA=2\nURL=3\n");
    file.unset("URL");
    EXPECT_EQ(file.text().reveal(), "A=2\n");
}

TEST(EnvFileText, RefusesAnOpenQuoteAndControlCharacters)
{
    EXPECT_THROW(EnvFile("A=\"open\nB=1\n"), Failure);
    EXPECT_THROW(EnvFile("A='open\n"), Failure);
    EnvFile file("");
    EXPECT_THROW(file.set("A", Secret("x\ny")), Failure);
    EXPECT_THROW(file.set("A", Secret(std::string_view("x\0y", 3))), Failure);
}

TEST(FileNames, NeverLeaveTheirFolder)
{
    EXPECT_EQ(file_name_for("app-1_2.x"), "app-1_2.x");
    EXPECT_EQ(file_name_for(".."), "%2E.");
    EXPECT_EQ(file_name_for("."), "%2E");
    EXPECT_EQ(file_name_for(".ssh"), "%2Essh");
    EXPECT_EQ(file_name_for("../../etc"), "%2E.%2F..%2Fetc");
    EXPECT_EQ(file_name_for("a~b"), "a%7Eb");
    EXPECT_EQ(file_name_for("%2E"), "%252E");
    const std::string first = file_name_for(std::string(300, 'a') + "1");
    EXPECT_LE(first.size(), 200u);
    EXPECT_NE(first, file_name_for(std::string(300, 'a') + "2"));
    EXPECT_EQ(first.find('~'), 120u);
}

TEST(Targets, OfAppsAndOfServicesHaveFoldersOfTheirOwn)
{
    Publication publication = setting("A", "1", 1);
    EXPECT_EQ(folders_of(publication), std::vector<std::string>{"app-1"});
    publication.target = "app-1/svc/web/host-1";
    EXPECT_EQ(folders_of(publication), (std::vector<std::string>{"app-1", "svc", "web", "host-1"}));
    publication.target = "app-1/svc/../..";
    EXPECT_EQ(folders_of(publication), (std::vector<std::string>{"app-1", "svc", "%2E.", "%2E."}));
    publication.target = "other/svc/x/y";
    EXPECT_EQ(folders_of(publication), std::vector<std::string>{"other%2Fsvc%2Fx%2Fy"});
}

TEST(Targets, OfContainersAreNamesOfOnePart)
{
    Publication publication = setting("A", "1", 1, "a/b%");
    publication.target = "a%2Fb%25";
    EXPECT_EQ(container_of(publication), "");
    EXPECT_EQ(folders_of(publication), std::vector<std::string>{"a%2Fb%25"});
    publication.target = "a%2Fb%25/migrate";
    EXPECT_EQ(container_of(publication), "migrate");
    EXPECT_EQ(folders_of(publication), std::vector<std::string>{"a%2Fb%25"});
    for (const char *none : {"a%2Fb%25/", "a%2Fb%25/app", "a%2Fb%25/svc", "a%2Fb%25/x/y",
                             "a/b%/migrate", "other/migrate", "a%2Fb%25/svc/web/host-1"}) {
        publication.target = none;
        EXPECT_EQ(container_of(publication), "") << none;
    }
    publication.target = "/migrate";
    publication.app_id = "";
    EXPECT_EQ(container_of(publication), "");
}

TEST(EnvSinkFiles, ArePrivateAndHoldTheValue)
{
    const Workspace work;
    const FileSink sink(work.path("env"));
    const Outcome stored = sink.deliver(setting("DATABASE_URL", "postgres://x", 3));
    EXPECT_EQ(stored.verdict, Verdict::stored) << stored.error;
    EXPECT_EQ(stored.response, R"({"env_keys":["DATABASE_URL"],"version":3})");
    EXPECT_EQ(work.read("env/app-1/app.env"), "DATABASE_URL=\"postgres://x\"\n");
    EXPECT_EQ(mode_of(work.path("env/app-1/app.env")), 0600u);
    EXPECT_EQ(mode_of(work.path("env/app-1/.app.env.versions")), 0600u);
    EXPECT_EQ(mode_of(work.path("env/app-1")), 0700u);
    EXPECT_EQ(mode_of(work.path("env")), 0700u);
    EXPECT_EQ(work.read("env/app-1/.app.env.versions").find("postgres://"), std::string::npos);
}

TEST(EnvSinkVersions, ALowerOneNeverReplacesANewer)
{
    const Workspace work;
    const FileSink sink(work.path("env"));
    ASSERT_EQ(sink.deliver(setting("A", "five", 5)).verdict, Verdict::stored);
    EXPECT_EQ(sink.deliver(setting("A", "four", 4)).verdict, Verdict::stale);
    EXPECT_EQ(work.read("env/app-1/app.env"), "A=\"five\"\n");
    EXPECT_EQ(sink.deliver(setting("B", "one", 1)).verdict, Verdict::stored); // its own count
    EXPECT_EQ(sink.deliver(setting("A", "six", 6)).verdict, Verdict::stored);
    EXPECT_EQ(work.read("env/app-1/app.env"), "A=\"six\"\nB=\"one\"\n");
}

TEST(EnvSinkVersions, ALaterClaimOfTheSamePublicationCounts)
{
    const Workspace work;
    const FileSink sink(work.path("env"));
    Publication again = setting("A", "second", 5);
    again.attempt = 2;
    ASSERT_EQ(sink.deliver(again).verdict, Verdict::stored);
    EXPECT_EQ(sink.deliver(setting("A", "first", 5)).verdict, Verdict::stale);
    EXPECT_EQ(work.read("env/app-1/app.env"), "A=\"second\"\n");
}

TEST(EnvSinkVersions, SurviveAnUnsetSoThatALateWriteRevivesNothing)
{
    const Workspace work;
    const FileSink sink(work.path("env"));
    ASSERT_EQ(sink.deliver(setting("A", "one", 1)).verdict, Verdict::stored);
    Publication unset = setting("A", "", 3);
    unset.set.clear();
    unset.unset = {"A"};
    ASSERT_EQ(sink.deliver(unset).verdict, Verdict::stored);
    EXPECT_EQ(work.read("env/app-1/app.env"), "");
    EXPECT_EQ(sink.deliver(setting("A", "two", 2)).verdict, Verdict::stale);
}

TEST(EnvSinkVersions, ACrashBeforeTheFileWasWrittenIsMadeGood)
{
    const Workspace work;
    const FileSink sink(work.path("env"));
    ASSERT_EQ(sink.deliver(setting("A", "one", 1)).verdict, Verdict::stored);
    const std::string old_env = work.read("env/app-1/app.env");
    ASSERT_EQ(sink.deliver(setting("A", "two", 2)).verdict, Verdict::stored);
    work.write("env/app-1/app.env", old_env);              // as a crash between the two leaves it
    work.write("env/app-1/.app.env.new", "A=\"half writ"); // and a torn temporary file
    EXPECT_EQ(sink.deliver(setting("A", "one", 1)).verdict, Verdict::stale);
    EXPECT_EQ(sink.deliver(setting("A", "two again", 2)).verdict, Verdict::stored);
    EXPECT_EQ(work.read("env/app-1/app.env"), "A=\"two again\"\n");
    EXPECT_FALSE(std::filesystem::exists(work.path("env/app-1/.app.env.new")));
}

TEST(EnvSinkVersions, AnotherHostsVariableIsRefusedWhileItStands)
{
    const Workspace work;
    const FileSink sink(work.path("env"));
    ASSERT_EQ(sink.deliver(setting("A", "ours", 5)).verdict, Verdict::stored);
    Publication foreign = setting("A", "theirs", 9);
    foreign.host_id = "3f0c0000-0000-4000-8000-000000000002";
    const Outcome refused = sink.deliver(foreign);
    EXPECT_EQ(refused.verdict, Verdict::refused);
    EXPECT_NE(refused.error.find("foreign_owner"), std::string::npos);
    work.write("env/app-1/app.env", "");
    EXPECT_EQ(sink.deliver(foreign).verdict, Verdict::stored);
}

TEST(EnvSinkAttacks, SymbolicLinksAreNotFollowed)
{
    const Workspace work;
    const FileSink sink(work.path("env"));
    work.write("outside/app.env", "KEEP=1\n");
    std::filesystem::create_directories(work.path("env/app-2"));
    std::filesystem::create_directory_symlink(work.path("outside"), work.path("env/app-1"));
    std::filesystem::create_symlink(work.path("outside/app.env"), work.path("env/app-2/app.env"));
    EXPECT_EQ(sink.deliver(setting("A", "secret", 1, "app-1")).verdict, Verdict::refused);
    EXPECT_EQ(sink.deliver(setting("A", "secret", 1, "app-2")).verdict, Verdict::refused);
    EXPECT_EQ(work.read("outside/app.env"), "KEEP=1\n");
    std::filesystem::create_directories(work.path("env/app-3"));
    std::filesystem::create_symlink(work.path("outside/new"), work.path("env/app-3/.app.env.new"));
    EXPECT_EQ(sink.deliver(setting("A", "secret", 1, "app-3")).verdict, Verdict::stored);
    EXPECT_FALSE(std::filesystem::exists(work.path("outside/new")));
    std::filesystem::create_directories(work.path("env/app-4"));
    std::filesystem::create_symlink(work.path("outside/lock"),
                                    work.path("env/app-4/.app.env.lock"));
    EXPECT_EQ(sink.deliver(setting("A", "secret", 1, "app-4")).verdict, Verdict::refused);
    EXPECT_FALSE(std::filesystem::exists(work.path("outside/lock")));
}

TEST(EnvSinkAttacks, AHardLinkIsNotWrittenThrough)
{
    const Workspace work;
    const FileSink sink(work.path("env"));
    work.write("outside", "KEEP=1\n");
    std::filesystem::create_directories(work.path("env/app-1"));
    std::filesystem::create_hard_link(work.path("outside"), work.path("env/app-1/app.env"));
    EXPECT_EQ(sink.deliver(setting("A", "secret", 1)).verdict, Verdict::stored);
    EXPECT_EQ(work.read("outside"), "KEEP=1\n");
}

TEST(EnvSinkErrors, QuoteNoSecretAndSayWhatIsWrong)
{
    const Workspace work;
    const FileSink sink(work.path("env"));
    work.write("env/app-1/app.env", "A=\"open\n");
    const Outcome refused =
        sink.deliver(setting("DATABASE_URL", "postgres://u:hidden-password@h/d", 1));
    EXPECT_EQ(refused.verdict, Verdict::refused);
    EXPECT_FALSE(refused.maybe_stored);
    EXPECT_NE(refused.error.find("quote"), std::string::npos);
    EXPECT_EQ(refused.error.find("hidden-password"), std::string::npos);
    work.write("env/app-2/.app.env.versions", "{damaged");
    EXPECT_EQ(sink.deliver(setting("A", "x", 1, "app-2")).verdict, Verdict::again);
    const FileSink nowhere(work.path("no/such/folder"));
    EXPECT_EQ(nowhere.deliver(setting("A", "x", 1)).verdict, Verdict::again);
}

TEST(EnvSinkSharing, ALockedFolderIsTriedAgain)
{
    const Workspace work;
    const FileSink sink(work.path("env"));
    ASSERT_EQ(sink.deliver(setting("A", "one", 1)).verdict, Verdict::stored);
    const int fd = open(work.path("env/app-1/.app.env.lock").c_str(), O_RDWR);
    ASSERT_EQ(flock(fd, LOCK_EX), 0);
    EXPECT_EQ(sink.deliver(setting("A", "two", 2)).verdict, Verdict::again);
    close(fd);
    EXPECT_EQ(sink.deliver(setting("A", "two", 2)).verdict, Verdict::stored);
}

TEST(EnvSinkSharing, TwoWritersLoseNothing)
{
    const Workspace work;
    constexpr int rounds = 30;
    std::atomic<int> failures = 0;
    const auto writer = [&](const std::string &name) {
        const FileSink sink(work.path("env"));
        for (int version = 1; version <= rounds; version++) {
            const Publication next = setting(name, name + std::to_string(version), version);
            Outcome outcome = sink.deliver(next);
            while (outcome.verdict == Verdict::again) {
                std::this_thread::yield();
                outcome = sink.deliver(next);
            }
            failures += outcome.verdict == Verdict::stored ? 0 : 1;
        }
    };
    std::thread first(writer, "A");
    std::thread second(writer, "B");
    first.join();
    second.join();
    EXPECT_EQ(failures, 0);
    const EnvFile file(work.read("env/app-1/app.env"));
    const std::string text(file.text().reveal());
    EXPECT_NE(text.find("A=\"A30\""), std::string::npos) << text;
    EXPECT_NE(text.find("B=\"B30\""), std::string::npos) << text;
}

TEST(FileSink, WritesCertificatesIntoAFileOfTheirOwn)
{
    const Workspace work;
    const std::string pem = "-----BEGIN CERTIFICATE-----\nMIIB+/=\n-----END CERTIFICATE-----\n";
    FileSink sink(work.path("env"));
    Publication both = setting("DATABASE_URL", "postgresql://x", 1);
    both.set.push_back({"DATABASE_CA_CERT", Secret(pem)});
    ASSERT_EQ(sink.deliver(both).verdict, Verdict::stored);
    EXPECT_EQ(work.read("env/app-1/ca.pem"), pem);
    EXPECT_EQ(mode_of(work.path("env/app-1/ca.pem")), 0600U);
    EXPECT_EQ(shell(". '" + work.path("env/app-1/app.env") + "'; printf %s. \"$DATABASE_CA_CERT\""),
              pem + ".");

    // A delivery without them leaves them.
    ASSERT_EQ(sink.deliver(setting("DATABASE_URL", "postgresql://y", 2)).verdict, Verdict::stored);
    EXPECT_EQ(work.read("env/app-1/ca.pem"), pem);

    Publication none = setting("DATABASE_URL", "postgresql://z", 3);
    none.unset.push_back("DATABASE_CA_CERT");
    ASSERT_EQ(sink.deliver(none).verdict, Verdict::stored);
    EXPECT_EQ(mode_of(work.path("env/app-1/ca.pem")), 0U);
    EXPECT_EQ(work.read("env/app-1/app.env"), "DATABASE_URL=\"postgresql://z\"\n");
}

TEST(FileSink, GivesEachContainerAFileOfItsOwn)
{
    const Workspace work;
    const FileSink sink(work.path("env"));
    Publication migrate = setting("DATABASE_URL", "owner", 2);
    migrate.target = "app-1/migrate";
    Publication hidden = setting("DATABASE_URL", "hidden", 3);
    hidden.target = "app-1/../x";
    ASSERT_EQ(sink.deliver(migrate).verdict, Verdict::stored);
    ASSERT_EQ(sink.deliver(hidden).verdict, Verdict::stored);
    ASSERT_EQ(sink.deliver(setting("DATABASE_URL", "writer", 1)).verdict, Verdict::stored);
    EXPECT_EQ(work.read("env/app-1/app.env"), "DATABASE_URL=\"writer\"\n");
    EXPECT_EQ(work.read("env/app-1/migrate.env"), "DATABASE_URL=\"owner\"\n");
    EXPECT_EQ(mode_of(work.path("env/app-1/migrate.env")), 0600U);
    EXPECT_EQ(mode_of(work.path("env/app-1/.migrate.env.versions")), 0600U);
    EXPECT_EQ(work.read("env/app-1%2F..%2Fx/app.env"), "DATABASE_URL=\"hidden\"\n");

    // Whatever a target says: the name is one in the app's folder.
    hidden.target = "app-1/..";
    ASSERT_EQ(sink.deliver(hidden).verdict, Verdict::stored);
    EXPECT_EQ(work.read("env/app-1/%2E..env"), "DATABASE_URL=\"hidden\"\n");
}

TEST(FileSink, KeepsTheCertificatesOfAContainerApart)
{
    const Workspace work;
    const std::string pem = "-----BEGIN CERTIFICATE-----\nMIIB+/=\n-----END CERTIFICATE-----\n";
    const FileSink sink(work.path("env"));
    Publication migrate = setting("DATABASE_CA_CERT", pem, 1);
    migrate.target = "app-1/migrate";
    ASSERT_EQ(sink.deliver(migrate).verdict, Verdict::stored);
    ASSERT_EQ(sink.deliver(setting("DATABASE_CA_CERT", pem, 1)).verdict, Verdict::stored);
    EXPECT_EQ(work.read("env/app-1/ca.pem"), pem);
    EXPECT_EQ(work.read("env/app-1/migrate.ca.pem"), pem);
    migrate.version = 2;
    migrate.set.clear();
    migrate.unset = {"DATABASE_CA_CERT"};
    ASSERT_EQ(sink.deliver(migrate).verdict, Verdict::stored);
    EXPECT_EQ(mode_of(work.path("env/app-1/migrate.ca.pem")), 0U);
    EXPECT_EQ(work.read("env/app-1/ca.pem"), pem);
}

TEST(FileSink, WritesToThePathOfTheTarget)
{
    const Workspace work;
    std::filesystem::create_directories(work.path("etc"));
    const FileSink sink(work.path("env"), {{"app-1/migrate", work.path("etc/migrate.env")},
                                           {"a%2Fb", work.path("etc/ab.env")}});
    Publication migrate = setting("A", "owner", 1);
    migrate.target = "app-1/migrate";
    Publication slash = setting("A", "slash", 1, "a/b");
    slash.target = "a%2Fb";
    for (const Publication *each : {&migrate, &slash})
        ASSERT_EQ(sink.deliver(*each).verdict, Verdict::stored);
    ASSERT_EQ(sink.deliver(setting("A", "writer", 1)).verdict, Verdict::stored);
    EXPECT_EQ(work.read("etc/migrate.env"), "A=\"owner\"\n");
    EXPECT_EQ(work.read("etc/ab.env"), "A=\"slash\"\n");
    EXPECT_EQ(work.read("env/app-1/app.env"), "A=\"writer\"\n");
    EXPECT_FALSE(std::filesystem::exists(work.path("env/app-1/migrate.env")));
}

TEST(FileSink, TakesLinesForNothingButCertificates)
{
    EXPECT_THROW(set_in("", "X", "a\nb"), Failure);
    EXPECT_THROW(set_in("", "X", "-----BEGIN CERTIFICATE-----\na\rb"), Failure);
}
