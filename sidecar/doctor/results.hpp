// What the doctor has found: one finding for each thing it looked at.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace sidecar
{

enum class Level { ok, warning, problem };

struct CheckResult {
    Level level;
    std::string check;  // what was looked at, such as "certificate"
    std::string detail; // what was seen
    std::string remedy; // what to do; "" when all is well
};

class CheckResults
{
public:
    void
    ok(const std::string &check, const std::string &detail)
    {
        all_.push_back({Level::ok, check, detail, ""});
    }
    void
    warn(const std::string &check, const std::string &detail, const std::string &remedy)
    {
        all_.push_back({Level::warning, check, detail, remedy});
    }
    void
    fail(const std::string &check, const std::string &detail, const std::string &remedy)
    {
        all_.push_back({Level::problem, check, detail, remedy});
    }

    const std::vector<CheckResult> &
    all() const
    {
        return all_;
    }

    // Whether one of them, from a place in the list on, is not ok.
    bool
    any_bad_since(std::size_t place) const
    {
        for (std::size_t at = place; at < all_.size(); at++)
            if (all_[at].level != Level::ok)
                return true;
        return false;
    }

private:
    std::vector<CheckResult> all_;
};

} // namespace sidecar
