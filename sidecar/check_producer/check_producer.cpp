// See check_producer.hpp.
#include "check_producer/check_producer.hpp"

#include <map>
#include <sstream>
#include <utility>

#include "base/text.hpp"
#include "check_producer/checks.hpp"

namespace sidecar
{
namespace
{

constexpr std::string_view last_check = "clean_up";

// Runs the checks and counts what they come to.
class CheckRun
{
public:
    CheckRun(CheckedProducer &producer, TrialSettings settings, const CommandIo &io)
        : producer_(producer), trial_(producer, std::move(settings)), io_(io)
    {
    }

    int
    run()
    {
        for (const ProducerCheck &check : producer_checks()) {
            if (check.name == last_check && interrupted_)
                producer_.forget_interruption();
            else if (interrupted_)
                continue;
            run(check);
        }
        io_.out << producer_checks().size() << " checks: " << count("ok") << " ok, "
                << count("FAILED") << " failed, " << count("skipped") << " skipped" << std::endl;
        return exit_code();
    }

private:
    // Runs a check unless one that it needs is not ok, and prints its line. What an interrupted
    // one has seen says nothing.
    void
    run(const ProducerCheck &check)
    {
        const std::string lacking = lacking_for(check);
        if (!lacking.empty()) {
            print("skipped", check, ": " + lacking + " is not ok");
            return;
        }
        std::string seen = check.run(trial_);
        if (producer_.interrupted() && !interrupted_) {
            interrupted_ = true;
            io_.err << "appinfrad check-producer: interrupted; unsetting what was set" << std::endl;
            if (check.name != last_check)
                return;
            producer_.forget_interruption();
            seen = check.run(trial_);
        }
        if (std::string_view(check.name) == "transport")
            unreached_ = !seen.empty() && !trial_.settings().in_clear && !trial_.untrusted();
        if (seen.empty())
            print("ok", check, std::string(": ") + check.expected);
        else
            print("FAILED", check,
                  std::string(": expected: ") + check.expected + "; seen: " + seen +
                      "; what to do: " + check.remedy);
    }

    // The first check that this one needs and that is not ok; empty: none.
    std::string
    lacking_for(const ProducerCheck &check) const
    {
        std::istringstream needs(check.needs);
        for (std::string name; needs >> name;)
            if (const auto found = results_.find(name);
                found == results_.end() || found->second != "ok")
                return name;
        return "";
    }

    void
    print(const std::string &result, const ProducerCheck &check, const std::string &rest)
    {
        results_[check.name] = result;
        io_.out << result << ' ' << check.name << rest << std::endl;
    }

    std::size_t
    count(const std::string &result) const
    {
        std::size_t found = 0;
        for (const auto &[name, of_check] : results_)
            found += of_check == result ? 1 : 0;
        return found;
    }

    int
    exit_code() const
    {
        if (results_.at(std::string(last_check)) == "FAILED")
            return 3;
        if (interrupted_ || unreached_ || !io_.out)
            return 2;
        return count("FAILED") == 0 ? 0 : 1;
    }

    CheckedProducer &producer_;
    Trial trial_;
    CommandIo io_;
    std::map<std::string, std::string> results_; // by check
    bool interrupted_ = false;
    bool unreached_ = false; // nobody has answered at all
};

} // namespace

bool
ask_to_check(const std::string &url, const std::string &app_id, const CommandIo &io)
{
    io.err << "This sends about 40 requests to " << clean_text(url)
           << ".\nIt sets and unsets variables APPINFRA_CHECK_... of the app " << clean_text(app_id)
           << ",\nand tries one request for an app that there is not. Go on? [y/N] " << std::flush;
    std::string answer;
    return std::getline(io.in, answer) && (answer == "y" || answer == "Y" || answer == "yes");
}

int
check_producer(CheckedProducer &producer, TrialSettings settings, const CommandIo &io)
{
    return CheckRun(producer, std::move(settings), io).run();
}

} // namespace sidecar
