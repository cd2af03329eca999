// What PostgreSQL's refusals become for whoever asked.
#include <gtest/gtest.h>

#include "platform/error_table.hpp"

using namespace sidecar;

namespace
{

// A refusal of the server.
Failure
refusal(const std::string &sqlstate, const std::string &message = "m",
        const std::string &constraint = "")
{
    return {Failure::Kind::give_up, message, {sqlstate, message, "d", "h", constraint}};
}

} // namespace

TEST(Problems, AreNamedByWhatACallerCanDo)
{
    const auto title = [](const char *state) {
        return problem_of(refusal(state), use_case_errors).title;
    };
    EXPECT_EQ(title("53000"), "pool_exhausted");
    EXPECT_EQ(title("53300"), "database_unavailable");
    EXPECT_EQ(title("57014"), "database_unavailable");
    EXPECT_EQ(title("23505"), "conflict");
    EXPECT_EQ(title("42704"), "not_found");
    EXPECT_EQ(title("22023"), "refused");
    EXPECT_EQ(title("XX000"), "internal");
    const Problem refused = problem_of(refusal("22023"), use_case_errors);
    EXPECT_EQ(refused.detail, "m: d");
    EXPECT_EQ(refused.hint, "h");
    EXPECT_EQ(refused.sqlstate, "22023");
}

TEST(Problems, OfAReusedKeyNameNoKey)
{
    const Problem problem =
        problem_of(refusal("22023", "idempotency_key \"u-1\" was used with other arguments",
                           "idempotency_key"),
                   use_case_errors);
    EXPECT_EQ(problem.title, "conflict");
    EXPECT_EQ(problem.detail.find("u-1"), std::string::npos);
}

TEST(Problems, AreMadeByTheTableOfTheDoor)
{
    static constexpr ErrorMeaning gateway[] = {{"42501", 403, "forbidden"},
                                               {"40001", 409, "conflict", 1}};
    EXPECT_EQ(problem_of(refusal("42501"), use_case_errors).status, 503);
    EXPECT_EQ(problem_of(refusal("42501"), gateway).status, 403);
    EXPECT_EQ(problem_of(refusal("40001"), gateway).retry_after, 1);
    EXPECT_EQ(problem_of(refusal("40002"), gateway).title, "internal");
}

TEST(Problems, OfAConnectionAreThoseOfNoDoor)
{
    const Failure broken(Failure::Kind::retry, "the connection broke");
    const Problem problem = problem_of(broken, {});
    EXPECT_EQ(problem.title, "database_unavailable");
    EXPECT_EQ(problem.detail, "the connection broke");
}
