// What the doctor makes of a producer's answer to a request without variables.
#include <gtest/gtest.h>

#include "doctor/producer.hpp"

using namespace sidecar;

namespace
{

// Returns what is not ok, one "LEVEL check" each.
std::string
judged(const ProducerReply &answer)
{
    CheckResults results;
    judge_producer(answer, results);
    std::string text;
    for (const CheckResult &one : results.all())
        if (one.level != Level::ok)
            text += (one.level == Level::warning ? "warning " : "problem ") + one.check + "\n";
    return text;
}

} // namespace

TEST(JudgeProducer, TakesARefusalOfTheRequestForAnAcceptedToken)
{
    for (const long status : {200, 204, 400, 422})
        EXPECT_EQ(judged({status, 0}), "") << status;
}

TEST(JudgeProducer, TellsARefusedTokenFromAProducerThatIsNotThere)
{
    EXPECT_EQ(judged({401, 0}), "problem producer\n");
    EXPECT_EQ(judged({403, 0}), "problem producer\n");
    EXPECT_EQ(judged({404, 0}), "warning producer\n");
    EXPECT_EQ(judged({302, 0}), "problem producer\n");
    EXPECT_EQ(judged({503, 0}), "problem producer\n");
}

TEST(JudgeProducer, WarnsOfAClockThatIsFarOff)
{
    EXPECT_EQ(judged({422, 30}), "");
    EXPECT_EQ(judged({422, 31}), "warning clock\n");
    EXPECT_EQ(judged({422, -31}), "warning clock\n");
}
