// What an exported audit log comes to for a restored server.
#include <sstream>

#include <gtest/gtest.h>

#include "audit/replay.hpp"
#include "base/failure.hpp"

using namespace sidecar;

namespace
{

// A row of an export; detail is JSON.
std::string
row(int id, const std::string &action, const std::string &more)
{
    return "{\"id\":" + std::to_string(id) + ",\"time\":\"" + std::to_string(id) +
           "\",\"action\":\"" + action + "\",\"outcome\":\"done\"," + more + "}\n";
}

// The steps of an export whose rows above 10 are after the point, a word for each.
std::string
plan_of(const std::string &text)
{
    std::istringstream in(text);
    std::string words;
    for (const ReplayStep &step :
         plan_replay(in, [](const std::string &time) { return std::stoi(time) > 10; }))
        words += (words.empty() ? "" : "; ") + std::string(name_of(step.kind)) + " " + step.db_id +
                 step.credential + step.service_id + step.host_id + step.app_id + step.owner +
                 step.container + step.variables;
    return words;
}

const char *const tenant = R"("db_id":"a")";

} // namespace

TEST(ReplayPlan, TakesWhatIsAfterThePointOnce)
{
    EXPECT_EQ(plan_of(row(9, "revoke_credential", R"("db_id":"a","credential":"old")") +
                      row(11, "revoke_credential", R"("db_id":"a","credential":"x")") +
                      row(12, "revoke_credential", R"("db_id":"a","credential":"x")") +
                      row(13, "login", R"("db_id":"a","credential":"y")") +
                      row(14, "drop_service_user",
                          R"("db_id":"a","detail":{"service_id":"s","host_id":"h"})")),
              "revoke_credential ax; drop_service_user ash");
}

TEST(ReplayPlan, TakesTheLastWordOnADatabase)
{
    EXPECT_EQ(plan_of(row(11, "revoke_tenant", tenant)), "revoke_tenant a");
    EXPECT_EQ(plan_of(row(11, "revoke_tenant", tenant) + row(12, "restore_tenant", tenant)),
              "revoke_tenant, restore_tenant a");
    EXPECT_EQ(plan_of(row(11, "deprovision_tenant", tenant) + row(12, "restore_tenant", tenant) +
                      row(13, "deprovision_tenant", tenant)),
              "deprovision_tenant a");
    EXPECT_EQ(plan_of(row(11, "restore_tenant", tenant)), "");
    EXPECT_EQ(plan_of(row(9, "deprovision_tenant", tenant)), "");
}

TEST(ReplayPlan, TakesTheLastOwnerOfAnApp)
{
    EXPECT_EQ(plan_of(row(9, "transfer_app", R"("detail":{"app_id":"w","to":"ann"})") +
                      row(11, "transfer_app", R"("detail":{"app_id":"x","to":"ann"})") +
                      row(12, "transfer_app", R"("detail":{"app_id":"x","to":"bob"})")),
              "transfer_app xbob");
}

TEST(ReplayPlan, TakesUnboundVariablesByTheirPlace)
{
    const auto unbound = [](int id, const char *container) {
        return row(id, "unbind_variables",
                   (std::string(R"("db_id":"a","detail":{"app_id":"x","variables":"A, B")") +
                    container + "}")
                       .c_str());
    };
    EXPECT_EQ(plan_of(unbound(9, "") + unbound(11, "") + unbound(12, R"(,"container":"jobs")") +
                      unbound(13, "")),
              "unbind_variables axA, B; unbind_variables axjobsA, B");
}

TEST(ReplayPlan, PassesByWhatWasRefusedOrFailed)
{
    std::string refused = row(11, "revoke_tenant", tenant);
    refused.replace(refused.find("done"), 4, "failed");
    EXPECT_EQ(plan_of(refused), "");
}

TEST(ReplayPlan, RefusesWhatIsNoExport)
{
    const std::string good = row(11, "revoke_tenant", tenant);
    for (const std::string &text :
         {std::string(), std::string("x\n"), std::string("\n"), std::string("{}\n"),
          std::string("{\"id\":\"1\"}\n"), good.substr(0, good.size() - 1), good + good,
          row(12, "x", tenant) + good})
        EXPECT_THROW(plan_of(text), Failure) << text;
}
