// The gateway's door of a server: /v1 for keys, and what is told to everyone. It decides by the
// head which key asks and whether it may ask now; everything that runs is the service's.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/rate_limit.hpp"
#include "gateway/routes.hpp"
#include "gateway/service.hpp"
#include "platform/door.hpp"

namespace sidecar::gateway
{

struct DoorSettings {
    double rate = 60; // requests a second of a key; 0: any
    double burst = 120;
    bool trust_proxy = false;
    bool mcp = true;
    std::size_t request_bytes = 1024 * 1024;
    std::vector<std::string> origins; // whose pages may call
};

class GatewayDoor final : public Door
{
public:
    GatewayDoor(Service &service, DoorSettings settings, const Clock &clock);

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
    bool may_call(const Request &request) const;
    void limit(const std::string &user, const std::string &key_id, const std::string &address);
    void add_headers(Response &response, const Request &request, const Admitted *admitted) const;

    Service &service_;
    DoorSettings settings_;
    const Clock &clock_;
    RateLimit limit_;
    Routes routes_;
    std::shared_ptr<std::size_t> unsent_ = std::make_shared<std::size_t>(0);
};

} // namespace sidecar::gateway
