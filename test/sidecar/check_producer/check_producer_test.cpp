// check-producer against a producer in memory: what it sends, what it makes of answers, and that it
// unsets what it has set, also after an interruption. Its rules are tried by
// test/tap/275_check_producer.pl.
#include <gtest/gtest.h>

#include <functional>
#include <sstream>

#include "base/json.hpp"
#include "check_producer/check_producer.hpp"
#include "check_producer/checks.hpp"

using namespace sidecar;
using namespace std::chrono_literals;

namespace
{

constexpr const char *token = "a-token-of-some-length";

// Keeps variables and versions as it should, unless a rule answers first.
class FakeProducer : public CheckedProducer
{
public:
    std::function<std::optional<ProducerAnswer>(const ProducerRequest &)> rule;
    std::map<std::string, std::pair<std::string, std::int64_t>> variables; // value, version
    std::set<std::string> apps;
    std::set<std::string> keys;
    int requests = 0;
    int paused = 0;
    int interrupt_at = 0; // the number of the request
    bool is_interrupted = false;

    ProducerAnswer
    send(const ProducerRequest &request) override
    {
        if (is_interrupted)
            return {};
        if (++requests == interrupt_at) {
            is_interrupted = true;
            return {};
        }
        apps.insert(request.app_id);
        if (rule)
            if (auto answer = rule(request))
                return *answer;
        if (request.body.empty())
            return answered(404);
        if (request.token != SentToken::right)
            return answered(401);
        keys.insert(request.key);
        return store(request);
    }

    void
    pause(Duration) override
    {
        paused++;
    }
    bool
    interrupted() const override
    {
        return is_interrupted;
    }
    void
    forget_interruption() override
    {
        is_interrupted = false;
    }

    std::size_t
    left() const
    {
        std::size_t count = 0;
        for (const auto &[name, stored] : variables)
            count += stored.first.empty() ? 0 : 1;
        return count;
    }

    static ProducerAnswer
    answered(int status, const std::string &body = "")
    {
        ProducerAnswer answer;
        answer.status = status;
        answer.body = body;
        return answer;
    }

private:
    ProducerAnswer
    store(const ProducerRequest &request)
    {
        const Json body = parse_json(request.body.reveal());
        const auto version = integer_member(body, "version");
        if (!version)
            return answered(400);
        const std::string target = string_member(body, "target").value();
        std::map<std::string, std::string> changes;
        const char *name;
        json_t *value;
        json_object_foreach(json_object_get(body.get(), "set"), name, value)
        {
            if (!json_is_string(value))
                return answered(422);
            changes[target + " " + name] = json_string_value(value);
        }
        const json_t *unset = json_object_get(body.get(), "unset");
        for (std::size_t i = 0; i < json_array_size(unset); i++)
            changes[target + " " + json_string_value(json_array_get(unset, i))] = "";
        for (const auto &[what, text] : changes)
            if (variables[what].second > *version)
                return answered(409, R"({"title": "stale_version"})");
        for (const auto &[what, text] : changes)
            variables[what] = {text, *version};
        return answered(204);
    }
};

struct Ran {
    int code;
    std::string out;
    std::string err;

    bool
    says(const std::string &line) const
    {
        return ("\n" + out).find("\n" + line) != std::string::npos;
    }
};

Ran
run(FakeProducer &producer)
{
    TrialSettings settings;
    settings.app_id = "appinfra-check-1";
    settings.token = Secret(token);
    settings.first_version = 1000;
    settings.call_timeout = 15s;
    std::istringstream in;
    std::ostringstream out, err;
    const int code = check_producer(producer, std::move(settings), {in, out, err});
    return {code, out.str(), err.str()};
}

} // namespace

TEST(CheckProducer, IsContentWithAProducerThatKeepsTheRulesAndLeavesNothing)
{
    FakeProducer producer;
    const Ran ran = run(producer);
    EXPECT_EQ(ran.code, 0) << ran.out;
    EXPECT_TRUE(ran.says("22 checks: 22 ok, 0 failed, 0 skipped\n")) << ran.out;
    EXPECT_GT(producer.variables.size(), 40u);
    EXPECT_EQ(producer.left(), 0u);
    for (const auto &[name, stored] : producer.variables)
        EXPECT_NE(name.find(" APPINFRA_CHECK_"), std::string::npos) << name;
    for (const std::string &app : producer.apps)
        EXPECT_TRUE(app.starts_with("appinfra-check-")) << app;
}

TEST(CheckProducer, SaysWhatWasExpectedWhatCameAndWhatToDo)
{
    FakeProducer producer;
    producer.rule = [](const ProducerRequest &request) -> std::optional<ProducerAnswer> {
        if (request.body.size() > 60'000)
            return FakeProducer::answered(413, R"({"title": "too_large"})");
        return std::nullopt;
    };
    const Ran ran = run(producer);
    EXPECT_EQ(ran.code, 1);
    EXPECT_TRUE(ran.says("FAILED large_body: expected: takes a body of 64 KiB; seen: HTTP 413 "
                         "too_large; what to do: "))
        << ran.out;
    EXPECT_TRUE(ran.says("22 checks: 21 ok, 1 failed, 0 skipped\n")) << ran.out;
}

TEST(CheckProducer, SkipsWhatAnotherFailureLeavesNothingToLookAt)
{
    FakeProducer producer;
    producer.rule = [](const ProducerRequest &request) -> std::optional<ProducerAnswer> {
        if (request.token == SentToken::right && !request.body.empty())
            return FakeProducer::answered(500);
        return std::nullopt;
    };
    const Ran ran = run(producer);
    EXPECT_EQ(ran.code, 3); // it may have stored what it says it has not
    EXPECT_TRUE(ran.says("FAILED store: ")) << ran.out;
    EXPECT_TRUE(ran.says("skipped lower_version: store is not ok\n")) << ran.out;
}

TEST(CheckProducer, TellsNoProducerFromABadOne)
{
    FakeProducer producer;
    bool untrusted = false;
    producer.rule = [&](const ProducerRequest &) {
        ProducerAnswer answer;
        answer.error = "connection refused";
        answer.untrusted = untrusted;
        return answer;
    };
    Ran ran = run(producer);
    EXPECT_EQ(ran.code, 2);
    EXPECT_TRUE(ran.says("skipped clean_up: transport is not ok\n")) << ran.out;
    EXPECT_EQ(producer.requests, 1);
    untrusted = true;
    EXPECT_EQ(run(producer).code, 1);
}

TEST(CheckProducer, RepeatsWhatIsAnsweredWithNotNow)
{
    FakeProducer producer;
    int refused = 0;
    producer.rule = [&](const ProducerRequest &request) -> std::optional<ProducerAnswer> {
        if (request.token != SentToken::right || request.body.empty() || ++refused % 3 == 0)
            return std::nullopt;
        return FakeProducer::answered(429);
    };
    EXPECT_EQ(run(producer).code, 0);
    EXPECT_GT(producer.paused, 40);
}

TEST(CheckProducer, UnsetsWhatWasSetWhenItIsInterruptedAtAnyRequest)
{
    FakeProducer counting;
    run(counting);
    ASSERT_GT(counting.requests, 30);
    for (int at = 1; at < counting.requests; at++) {
        FakeProducer producer;
        producer.interrupt_at = at;
        const Ran ran = run(producer);
        EXPECT_EQ(ran.code, 2) << at << ran.out;
        EXPECT_EQ(producer.left(), 0u) << at << ran.out;
    }
}

TEST(CheckProducer, ShowsNeitherValueNorToken)
{
    FakeProducer producer;
    std::string values;
    producer.rule = [&](const ProducerRequest &request) -> std::optional<ProducerAnswer> {
        const Json body = parse_json(request.body.reveal());
        const char *name;
        json_t *value;
        std::string echo = token;
        json_object_foreach(json_object_get(body.get(), "set"), name, value)
        {
            if (json_is_string(value))
                echo += std::string(" ") + json_string_value(value);
        }
        values += echo;
        return FakeProducer::answered(
            500, json_text(pack("{s:s, s:s}", "title", echo.c_str(), "detail", echo.c_str())));
    };
    const Ran ran = run(producer);
    EXPECT_TRUE(ran.says("FAILED no_echo: ")) << ran.out;
    EXPECT_EQ(ran.out.find(token), std::string::npos) << ran.out;
    const std::size_t at = values.find("appinfra_check:") + 15;
    EXPECT_EQ(ran.out.find(values.substr(at, 32)), std::string::npos) << ran.out;
    EXPECT_NE(ran.out.find("***"), std::string::npos) << ran.out;
}

TEST(CheckProducer, BeginsOnlyWhenSomebodySaysYes)
{
    const auto asked = [](const std::string &answer) {
        std::istringstream in(answer);
        std::ostringstream out, err;
        const bool yes =
            ask_to_check("https://secrets.example", "appinfra-check-1", {in, out, err});
        EXPECT_NE(err.str().find("of the app appinfra-check-1"), std::string::npos);
        return yes;
    };
    EXPECT_TRUE(asked("y\n"));
    EXPECT_TRUE(asked("yes\n"));
    for (const char *no : {"", "\n", "n\n", "yesterday\n"})
        EXPECT_FALSE(asked(no)) << no;
}

TEST(ProducerChecks, NeedOnlyWhatWasRunBefore)
{
    std::set<std::string> before;
    for (const ProducerCheck &check : producer_checks()) {
        std::istringstream needs(check.needs);
        for (std::string name; needs >> name;)
            EXPECT_TRUE(before.contains(name)) << check.name;
        EXPECT_TRUE(before.insert(check.name).second);
    }
    EXPECT_EQ(before.size(), 22u);
}
