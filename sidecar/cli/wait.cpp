// See wait.hpp.
#include "cli/wait.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <set>
#include <thread>

#include "base/option_values.hpp"
#include "cli/exit_codes.hpp"

namespace sidecar::cli
{
namespace
{

using SteadyClock = std::chrono::steady_clock;

constexpr Duration first_pause = std::chrono::milliseconds(50);
constexpr Duration longest_pause = std::chrono::milliseconds(1000);

std::string
seconds_text(SteadyClock::duration time)
{
    char text[32];
    std::snprintf(text, sizeof text, "%.1f s", std::chrono::duration<double>(time).count());
    return text;
}

std::string
publications_path(const std::string &db_id)
{
    return api_path({"databases", db_id, "publications"});
}

// How far the newest publication of each target is, of those behind a number.
Progress
delivery_of(const Json &document, json_int_t after)
{
    std::string targets;
    Progress progress{true, false, ""};
    std::set<std::string> seen; // only the newest of each counts
    std::size_t index = 0;
    const json_t *one = nullptr;
    json_array_foreach(json_object_get(document.get(), "publications"), index, one)
    {
        const std::string target = value_text(json_object_get(one, "target"));
        const std::string what = target + value_text(json_object_get(one, "variables"));
        const std::string status = value_text(json_object_get(one, "status"));
        const json_int_t number = json_integer_value(json_object_get(one, "publication_id"));
        if (number <= after || !seen.insert(what).second || status == "superseded")
            continue;
        targets += (targets.empty() ? "" : ", ") + target;
        if (status == "failed" || status == "cancelled")
            return {true, true,
                    "not delivered to " + target + ": " +
                        value_text(json_object_get(one, "error"))};
        if (status != "published")
            progress = {false, false, "delivery to " + target + " (" + status + ")"};
    }
    if (progress.done)
        progress.text = targets.empty() ? "nothing is to be delivered" : "delivered to " + targets;
    return progress;
}

} // namespace

int
wait_for(const Session &session, const std::function<Progress()> &look)
{
    if (session.is_on("no-wait"))
        return exit_codes::done;
    const Duration limit = duration_of("timeout", session.option("timeout"));
    const auto begin = SteadyClock::now();
    for (Duration pause = first_pause;; pause = std::min(2 * pause, longest_pause)) {
        const Progress progress = look();
        const auto taken = SteadyClock::now() - begin;
        if (progress.done) {
            session.terminal.note(progress.text +
                                  (progress.failed ? "" : " in " + seconds_text(taken)));
            return progress.failed ? exit_codes::refused : exit_codes::done;
        }
        if (taken >= limit) {
            session.terminal.note("still waiting for " + progress.text + " after " +
                                  seconds_text(taken) + "; it goes on by itself");
            return exit_codes::unfinished;
        }
        session.terminal.progress("waiting for " + progress.text + " … " + seconds_text(taken));
        std::this_thread::sleep_for(pause);
    }
}

int
wait_for_delivery(const Session &session, const std::string &db_id, json_int_t after)
{
    return wait_for(
        session, [&] { return delivery_of(session.client.get(publications_path(db_id)), after); });
}

json_int_t
last_publication(const Session &session, const std::string &db_id)
{
    const Json newest = session.client.get(publications_path(db_id) + "?limit=1");
    const json_t *rows = json_object_get(newest.get(), "publications");
    return json_integer_value(json_object_get(json_array_get(rows, 0), "publication_id"));
}

} // namespace sidecar::cli
