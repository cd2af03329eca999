// See contract.hpp.
#include "check_env/contract.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include "check_env/presentable.hpp"

namespace sidecar
{
namespace
{

class ContractCheck
{
public:
    ContractCheck(const std::vector<Variable> &variables, const ContractScope &scope)
        : variables_(variables), scope_(scope), lane_(scope.lane)
    {
    }

    Checked
    run() &&
    {
        check_forbidden();
        check_gateway();
        check_required();
        check_container();
        check_assignments();
        for (const char *name : {variable::root, variable::app, variable::service})
            if (name != variable::root || lane_ == Lane::provisioning)
                check_dsn(name);
        check_users_differ();
        if (lane_ == Lane::runtime)
            check_same_database();
        return std::move(checked_);
    }

private:
    void check_forbidden();
    void check_gateway();
    void check_required();
    void check_container();
    void require(const std::string &name, const char *problem, const char *remedy);
    void check_assignments();
    void check_dsn(const std::string &name);
    void check_user(const CheckedDsn &checked);
    void check_parameters(const CheckedDsn &checked);
    void check_tls(const CheckedDsn &checked);
    void check_users_differ();
    void check_same_database();

    void
    add(const char *rule, const std::string &name, std::string problem, std::string remedy)
    {
        checked_.findings.push_back({rule, name, std::move(problem), std::move(remedy)});
    }

    const Secret *
    value_of(std::string_view name) const
    {
        const auto found =
            std::find_if(variables_.rbegin(), variables_.rend(),
                         [&](const Variable &variable) { return variable.name == name; });
        return found == variables_.rend() ? nullptr : &found->value;
    }

    bool
    is_filled(const std::string &name) const
    {
        const Secret *value = value_of(name);
        return value != nullptr && (!value->empty() || scope_.unknown.contains(name));
    }

    const Dsn *
    dsn_of(std::string_view name) const
    {
        for (const CheckedDsn &checked : checked_.dsns)
            if (checked.variable == name)
                return &checked.dsn;
        return nullptr;
    }

    const std::vector<Variable> &variables_;
    const ContractScope &scope_;
    Lane lane_;
    bool reaches_gateway_ = false;
    Checked checked_;
};

// Where two DSNs lead to different places, in a word; empty when they do not.
std::string
difference(const Dsn &a, const Dsn &b)
{
    if (a.service != b.service)
        return "service";
    const bool same_servers = std::equal(
        a.servers.begin(), a.servers.end(), b.servers.begin(), b.servers.end(),
        [](const DsnServer &one, const DsnServer &other) { return one.is_same_as(other); });
    if (!same_servers)
        return "host or port";
    return a.database == b.database ? "" : "database";
}

void
ContractCheck::check_forbidden()
{
    std::map<std::string, bool> seen;
    for (const Variable &variable : variables_)
        if (lane_ == Lane::runtime && is_forbidden_at_runtime(variable.name) &&
            seen.emplace(variable.name, true).second)
            add(rule::forbidden_variable, variable.name, "it must not reach the runtime lane",
                "remove it from this environment; apps get DATABASE_URL and DATABASE_SERVICE_URL");
}

// Who has an API key may do without a DSN.
void
ContractCheck::check_gateway()
{
    CheckedGateway gateway = check_gateway_variables(
        [&](std::string_view name) { return value_of(name); }, scope_.unknown);
    reaches_gateway_ = gateway.is_complete;
    checked_.gateway = std::move(gateway.access);
    std::move(gateway.findings.begin(), gateway.findings.end(),
              std::back_inserter(checked_.findings));
}

void
ContractCheck::require(const std::string &name, const char *problem, const char *remedy)
{
    if (!is_filled(name))
        add(rule::required, name, problem, remedy);
}

void
ContractCheck::check_required()
{
    const bool has_app = is_filled(variable::app), has_service = is_filled(variable::service);
    if (lane_ == Lane::provisioning) {
        require(variable::root, "it is not set",
                "set it to the DSN with which this lane provisions");
        require(variable::app, "it is not set", "set it to the app's DSN");
        require(variable::service, "it is not set", "set it to the DSN of the app's service user");
    } else if (scope_.container == Container::app || scope_.container == Container::migrate) {
        require(variable::app, "it is not set", "set it to the app's DSN");
    } else if (scope_.container != Container::other && !has_app && !has_service &&
               !reaches_gateway_) {
        add(rule::required, variable::app, "neither it nor DATABASE_SERVICE_URL is set",
            "set at least one of them");
    }
    for (const std::string &name : scope_.required)
        require(name, "it is not set", "set it: --require asks for it");
}

// What one container may not have although another of the same app may.
void
ContractCheck::check_container()
{
    const bool has_service = value_of(variable::service) != nullptr;
    if (scope_.container == Container::migrate && has_service)
        add(rule::forbidden_variable, variable::service,
            "migrations do not run as the service user",
            "remove it from this container; migrations get DATABASE_URL alone");
    if (scope_.container == Container::scheduler_worker && has_service &&
        value_of(variable::app) != nullptr)
        add(rule::forbidden_variable, variable::app,
            "this container has DATABASE_SERVICE_URL as well",
            "keep one of them, with the service user");
}

void
ContractCheck::check_assignments()
{
    struct First {
        const Secret *value;
        bool told;
    };
    std::map<std::string, First> seen;
    for (const Variable &variable : variables_) {
        First &first = seen.emplace(variable.name, First{&variable.value, false}).first->second;
        if (first.told || first.value->reveal() == variable.value.reveal())
            continue;
        first.told = true;
        add(rule::multiple_values, variable.name,
            "it is given more than once, with different values",
            "keep one; who reads the environment decides which one counts");
    }
}

void
ContractCheck::check_dsn(const std::string &name)
{
    const Secret *value = value_of(name);
    if (value == nullptr)
        return;
    const EnvLookup lookup = [&](std::string_view wanted) -> std::optional<std::string> {
        const Secret *found = value_of(wanted);
        return found == nullptr ? std::nullopt : std::optional<std::string>(found->reveal());
    };
    if (scope_.unknown.contains(name)) {
        add(rule::unknown_value, name, "its value is not known here, and was not checked",
            "check where the variables that it is made of are set");
        checked_.findings.back().is_warning = true;
        return;
    }
    if (value->empty()) {
        add(rule::empty_user, name, "it is set, but empty", "give it a DSN, or remove it");
        return;
    }
    auto read = read_dsn(value->reveal(), lookup);
    if (DsnDefect *defect = std::get_if<DsnDefect>(&read)) {
        add(rule::dsn_syntax, name, std::move(defect->problem), std::move(defect->remedy));
        return;
    }
    checked_.dsns.push_back({name, std::move(std::get<Dsn>(read))});
    const CheckedDsn checked = checked_.dsns.back();
    check_user(checked);
    check_parameters(checked);
    check_tls(checked);
}

void
ContractCheck::check_user(const CheckedDsn &checked)
{
    const auto &[name, dsn] = checked;
    if (dsn.user.empty())
        add(rule::empty_user, name, "it names no user",
            "name the user in the DSN itself; PGUSER, a service file and the system's user name "
            "do not count");
    else if (name != variable::root && is_superuser_name(dsn.user))
        add(rule::superuser_name, name, "its user has an administrator's name",
            "use the login that was issued to this app");
}

void
ContractCheck::check_parameters(const CheckedDsn &checked)
{
    for (const std::string &keyword : checked.dsn.repeated)
        add(rule::multiple_values, checked.variable,
            "its parameter " + keyword + " is given more than once, with different values",
            "keep one; libpq would take the last, other clients the first");
}

void
ContractCheck::check_tls(const CheckedDsn &checked)
{
    const auto &[name, dsn] = checked;
    if (dsn.demands_tls())
        return;
    std::string remote;
    for (const DsnServer &server : dsn.servers)
        if (dsn.may_leave(server))
            remote += (remote.empty() ? "" : ", ") + presentable_host(server.name());
    if (remote.empty())
        return;
    const std::string why = dsn.service.empty() ? "" : " (a service may say where it is)";
    add(rule::weak_tls, name, "without TLS it may reach " + remote + why,
        "add sslmode=verify-full, verify-ca or require to the DSN itself; PGSSLMODE does not "
        "count");
}

void
ContractCheck::check_users_differ()
{
    const std::vector<CheckedDsn> &dsns = checked_.dsns;
    for (auto later = dsns.begin(); later != dsns.end(); ++later)
        for (auto earlier = dsns.begin(); earlier != later; ++earlier)
            if (!later->dsn.user.empty() && later->dsn.user == earlier->dsn.user)
                add(rule::same_user, later->variable, "it has the user of " + earlier->variable,
                    "give each variable a login of its own");
}

void
ContractCheck::check_same_database()
{
    const Dsn *app = dsn_of(variable::app);
    const Dsn *service = dsn_of(variable::service);
    const std::string where = app && service ? difference(*app, *service) : "";
    if (!where.empty())
        add(rule::different_database, variable::service,
            "its " + where + " is not that of DATABASE_URL",
            "let both name the same host, port and database, in the same way");
}

} // namespace

Checked
check_contract(const std::vector<Variable> &variables, const ContractScope &scope)
{
    return ContractCheck(variables, scope).run();
}

} // namespace sidecar
