// What stands behind a server: it decides by a request's head whether that is let in, and answers
// it. All of it is called by the server's one thread.
#pragma once

#include <memory>
#include <string>

#include "base/asio.hpp"
#include "platform/message.hpp"
#include "platform/problem.hpp"

namespace sidecar
{

class Door
{
public:
    virtual ~Door() = default;

    // A request that was let in; each door knows what else it has to remember of one.
    struct Admission {
        virtual ~Admission() = default;
    };

    // Decides by the head. Throws a Problem when the request is refused.
    virtual std::unique_ptr<Admission> admit(const Request &request) = 0;

    // Answers the whole request. client_gone becomes true when nobody waits for the answer any
    // more. Throws a Problem.
    virtual asio::awaitable<Response> answer(Admission &admission, const Request &request,
                                             const bool &client_gone) = 0;

    // The answer to a request that was refused: before it was let in (no admission), or after.
    virtual Response refuse(const Problem &problem, const Request &request,
                            const Admission *admission) = 0;

    // Counts a request that has been answered, and the connections that are open.
    virtual void answered(const Admission *admission, const Request &request,
                          const Response &response, double seconds) = 0;
    virtual void connections(std::size_t open) = 0;

    // Lets nothing new begin; what is under way ends soon, within its own limits.
    virtual void
    close()
    {
    }

    // Whether something is still under way that no connection waits for.
    virtual bool
    idle() const
    {
        return true;
    }
};

} // namespace sidecar
