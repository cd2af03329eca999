// See version_checks.hpp. Each check uses variables of its own with versions above all former ones,
// so that a producer which fails one does not fail the next for the same reason.
#include "check_producer/version_checks.hpp"

namespace sidecar
{
namespace
{

// Stores variables, and makes of what was stored requests of other versions.
class Stored
{
public:
    Stored(Trial &trial, const std::vector<std::string> &names)
        : trial_(trial), publication_(trial.setting(names)),
          failure_(seen_unless(trial, trial.deliver(publication_), Verdict::stored))
    {
    }

    // Sends it again, so many versions lower. Returns what was seen, unless that was expected.
    std::string
    lower(std::int64_t by, Verdict expected)
    {
        if (!failure_.empty())
            return failure_ + " (to a first request)";
        const Publication again = trial_.with_version(publication_, publication_.version - by);
        return seen_unless(trial_, trial_.deliver(again), expected);
    }

    const Publication &
    publication() const
    {
        return publication_;
    }

private:
    Trial &trial_;
    Publication publication_;
    std::string failure_;
};

bool
is_gone(const Outcome &outcome)
{
    return outcome.verdict == Verdict::stored || outcome.status == 404 || outcome.status == 410;
}

} // namespace

std::string
seen_unless(const Trial &trial, const Outcome &outcome, Verdict expected)
{
    return outcome.verdict == expected ? "" : trial.seen();
}

std::string
check_repetition(Trial &trial)
{
    const Publication publication = trial.setting({checked_variable("repetition")});
    for (int sends = 1; sends <= 2; sends++)
        if (trial.deliver(publication).verdict != Verdict::stored)
            return trial.seen() + (sends == 1 ? " (to a first request)" : "");
    return "";
}

std::string
check_equal_version(Trial &trial)
{
    return Stored(trial, {checked_variable("equal_version")}).lower(0, Verdict::stored);
}

std::string
check_lower_version(Trial &trial)
{
    return Stored(trial, {checked_variable("lower_version")}).lower(1, Verdict::stale);
}

std::string
check_refused_unchanged(Trial &trial)
{
    Stored stored(trial, {checked_variable("refused_unchanged")});
    const std::string refused = stored.lower(20, Verdict::stale);
    if (!refused.empty())
        return refused;
    const std::string seen = stored.lower(10, Verdict::stale);
    return seen.empty() ? "" : seen + " (to a version above the refused and below the stored one)";
}

std::string
check_names_apart(Trial &trial)
{
    Stored stored(trial, {checked_variable("names_apart")});
    Publication other = trial.setting({checked_variable("names_apart_2")});
    other.version = stored.publication().version - 1;
    const std::string seen = seen_unless(trial, trial.deliver(other), Verdict::stored);
    return seen.empty() ? "" : seen + " (to a lower version of another variable)";
}

std::string
check_targets_apart(Trial &trial)
{
    Stored stored(trial, {checked_variable("targets_apart")});
    Publication other = trial.with_version(stored.publication(), stored.publication().version - 1);
    other.target += "/svc/check/host";
    const std::string seen = seen_unless(trial, trial.deliver(other), Verdict::stored);
    return seen.empty() ? "" : seen + " (to a lower version in a service's target)";
}

std::string
check_whole_request(Trial &trial)
{
    Stored stored(trial, {checked_variable("whole_request")});
    Publication both =
        trial.setting({checked_variable("whole_request_2"), checked_variable("whole_request")});
    both.version = stored.publication().version - 10;
    const std::string seen = seen_unless(trial, trial.deliver(both), Verdict::stale);
    if (!seen.empty())
        return seen;
    Publication other = trial.setting({checked_variable("whole_request_2")});
    other.version = stored.publication().version - 20;
    if (trial.deliver(other).verdict == Verdict::stale)
        return "the other variable was stored: a lower version of it is answered with " +
               trial.seen();
    return "";
}

std::string
check_unset(Trial &trial)
{
    Stored stored(trial, {checked_variable("unset")});
    if (!is_gone(trial.deliver(trial.unsetting({checked_variable("unset")}))))
        return trial.seen();
    for (const char *name : {"unset", "unset_never_set"})
        if (!is_gone(trial.deliver(trial.unsetting({checked_variable(name)}))))
            return trial.seen() + " (for a variable that is not there)";
    return "";
}

std::string
check_unset_version(Trial &trial)
{
    const std::string name = checked_variable("unset_version");
    Stored stored(trial, {name});
    const Publication unset = trial.unsetting({name});
    if (!is_gone(trial.deliver(unset)))
        return trial.seen() + " (to an unset)";
    Publication late = trial.setting({name});
    late.version = unset.version - 1;
    return seen_unless(trial, trial.deliver(late), Verdict::stale);
}

} // namespace sidecar
