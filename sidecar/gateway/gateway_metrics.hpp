// What /metrics tells of the gateway, under the names that dashboards of such gateways have.
#pragma once

#include <map>
#include <memory>
#include <string>

namespace sidecar::gateway
{

// What the gateway has open and under way just now.
struct GatewayState {
    std::size_t idle_sessions = 0;
    std::size_t busy_sessions = 0;
    std::size_t logins = 0;
    std::size_t calls = 0;
};

// How many keys the host has, by status.
using KeyCounts = std::map<std::string, double>;

class GatewayMetrics
{
public:
    GatewayMetrics();
    ~GatewayMetrics();
    GatewayMetrics(const GatewayMetrics &) = delete;
    GatewayMetrics &operator=(const GatewayMetrics &) = delete;

    void answered(const std::string &route, const std::string &method, int status, double seconds);
    void statement(const std::string &command, const std::string &sqlstate);
    void procedure(const std::string &name, int status);
    void idempotency(bool hit);
    void waited(double seconds);

    void keys(const KeyCounts &counts);

    // The whole text, with what the state is.
    std::string text(const GatewayState &state);

private:
    struct Families;
    std::unique_ptr<Families> families_;
};

} // namespace sidecar::gateway
