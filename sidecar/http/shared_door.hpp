// The API's and the gateway's doors behind one server: /v1 and /healthz are the gateway's, all else
// the API's, and what /metrics and /readyz tell is told of both.
#pragma once

#include "platform/door.hpp"

namespace sidecar
{

class SharedDoor final : public Door
{
public:
    SharedDoor(Door &api, Door &gateway) : api_(api), gateway_(gateway)
    {
    }

    std::unique_ptr<Admission> admit(const Request &request) override;
    asio::awaitable<Response> answer(Admission &admission, const Request &request,
                                     const bool &client_gone) override;
    Response refuse(const Problem &problem, const Request &request,
                    const Admission *admission) override;
    void answered(const Admission *admission, const Request &request, const Response &response,
                  double seconds) override;
    void connections(std::size_t open) override;
    void close() override;
    bool idle() const override;

private:
    struct Shared;
    Door &door_of(const Request &request) const;

    Door &api_;
    Door &gateway_;
};

} // namespace sidecar
