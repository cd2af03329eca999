// A request as it was read from the network, the response to it, and the tasks that lie between.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <variant>

#include "base/clock.hpp"

namespace sidecar
{

class Database;
class Problem;

struct Request {
    std::string method;
    std::string target;
    std::map<std::string, std::string, std::less<>> headers; // names in lower case
    std::string body;
    bool keep_alive = true;
    bool local = false;  // from a loopback address or through the unix socket
    std::string address; // of the peer; empty: a unix socket
    std::string account; // of this machine, that administers; empty: it came by another way

    // A header's value, "" when there is none.
    std::string_view
    header(std::string_view name) const
    {
        const auto found = headers.find(name);
        return found == headers.end() ? std::string_view() : std::string_view(found->second);
    }
};

// The path of a request, without its query.
std::string_view path_of(const Request &request);

// Whether a request says that its body is application/json.
bool has_json(const Request &request);

struct Response {
    int status = 200;
    std::string body;
    std::string type = "application/json";
    bool secret = false;                        // the body holds a password
    std::map<std::string, std::string> headers; // further ones
};

// A Problem as a response.
Response response_of(const Problem &problem);

struct Task;
// What a task comes to: the response, or the task that has to follow.
using TaskResult = std::variant<Response, Task>;

// What is to be done with the database next.
struct Task {
    std::function<TaskResult(Database &)> run;
    bool slow = false;
    Duration pause{0}; // before it is done
};

} // namespace sidecar
