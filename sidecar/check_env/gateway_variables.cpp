// See gateway_variables.hpp.
#include "check_env/gateway_variables.hpp"

#include <utility>

#include "base/api_key.hpp"
#include "base/failure.hpp"
#include "base/url.hpp"

namespace sidecar
{
namespace
{

class GatewayCheck
{
public:
    GatewayCheck(const SecretLookup &value_of, const std::set<std::string> &unknown)
        : value_of_(value_of), unknown_(unknown)
    {
    }

    CheckedGateway
    run() &&
    {
        const bool has_url = is_there(variable::gateway_url);
        const bool has_key = is_there(variable::api_key);
        const bool has_file = is_there(variable::api_key_file);
        if (has_url && !has_key && !has_file)
            add(rule::required, variable::api_key, "it is not set, though the gateway's URL is",
                "set it to the API key that goes with AGENTCOOPDB_GATEWAY_URL");
        if (has_key && !has_url)
            add(rule::required, variable::gateway_url, "it is not set, though an API key is",
                "set it to the base URL of the SQL gateway");
        GatewayAccess access;
        const bool url = has_url && check_base_url(access);
        const bool key = has_key && check_key(access);
        checked_.is_complete = has_url && (has_key || has_file);
        if (url && key)
            checked_.access = std::move(access);
        return std::move(checked_);
    }

private:
    bool
    is_there(const char *name) const
    {
        return value_of_(name) != nullptr;
    }

    void
    add(const char *rule, const char *name, std::string problem, std::string remedy)
    {
        checked_.findings.push_back({rule, name, std::move(problem), std::move(remedy)});
    }

    // Whether the value is known; where it is not, says so.
    bool
    is_known(const char *name)
    {
        if (!unknown_.contains(name))
            return true;
        add(rule::unknown_value, name, "its value is not known here, and was not checked",
            "check where the variables that it is made of are set");
        checked_.findings.back().is_warning = true;
        return false;
    }

    bool
    check_base_url(GatewayAccess &access)
    {
        if (!is_known(variable::gateway_url))
            return false;
        access.url = value_of_(variable::gateway_url)->reveal();
        if (!is_url(access.url, true)) {
            add(rule::url_syntax, variable::gateway_url,
                "it is no http(s) URL without user, password, query and fragment",
                "set it to the base URL of the SQL gateway, such as https://db.example");
            return false;
        }
        if (!is_url(access.url, false))
            add(rule::weak_tls, variable::gateway_url, "the key travels without TLS",
                "use https; http is for loopback addresses");
        return true;
    }

    bool
    check_key(GatewayAccess &access)
    {
        if (!is_known(variable::api_key))
            return false;
        const auto key = parse_api_key(value_of_(variable::api_key)->reveal());
        if (!key) {
            add(rule::key_syntax, variable::api_key, "it is no API key",
                "set it to the whole of what was shown when the key was made: acd_, an "
                "environment, 16 and 32 characters, with _ between them");
            return false;
        }
        access.key_id = key->id;
        access.env = key->env;
        return true;
    }

    static bool
    is_url(const std::string &text, bool allow_plaintext)
    {
        try {
            check_url(text, "it", allow_plaintext);
            return true;
        } catch (const Failure &) {
            return false;
        }
    }

    const SecretLookup &value_of_;
    const std::set<std::string> &unknown_;
    CheckedGateway checked_;
};

} // namespace

CheckedGateway
check_gateway_variables(const SecretLookup &value_of, const std::set<std::string> &unknown)
{
    return GatewayCheck(value_of, unknown).run();
}

} // namespace sidecar
