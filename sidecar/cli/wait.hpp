// Waiting for what the server does by itself: says for what, for how long, and how it has ended.
#pragma once

#include <functional>
#include <string>

#include "cli/session.hpp"

namespace sidecar::cli
{

// How far something is.
struct Progress {
    bool done = false;
    bool failed = false;
    std::string text; // what is waited for; when it has ended, how
};

// Looks until it has ended, or --timeout is over; says how it has ended and after what time. Does
// nothing with --no-wait. Returns the exit code.
int wait_for(const Session &session, const std::function<Progress()> &look);

// Waits until every set of variables of a database that is to be delivered has been; after is the
// highest number of a publication from before.
int wait_for_delivery(const Session &session, const std::string &db_id, json_int_t after);

// The highest number of a publication of a database; 0: there is none.
json_int_t last_publication(const Session &session, const std::string &db_id);

} // namespace sidecar::cli
