// See replay.hpp.
#include "audit/replay.hpp"

#include <map>
#include <set>
#include <utility>

#include "base/failure.hpp"

namespace sidecar
{
namespace
{

constexpr std::size_t longest_line = 1024 * 1024;

// The member of an object as text; empty when it is none.
std::string
text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text == nullptr ? "" : text;
}

// Collects what the rows come to.
class Plan
{
public:
    // Takes one row in, which is after the point.
    void
    add(const std::string &action, const json_t *row, const std::string &id)
    {
        ReplayStep step{ReplayStep::Kind::revoke_credential,
                        id,
                        text_of(row, "time"),
                        text_of(row, "db_id"),
                        text_of(row, "credential"),
                        "",
                        "",
                        "",
                        ""};
        const json_t *detail = json_object_get(row, "detail");
        if (action == "revoke_credential") {
            add_once("c " + step.credential, step);
        } else if (action == "drop_service_user") {
            step.kind = ReplayStep::Kind::drop_service_user;
            step.service_id = text_of(detail, "service_id");
            step.host_id = text_of(detail, "host_id");
            add_once("s " + step.db_id + " " + step.service_id + " " + step.host_id, step);
        } else if (action == "transfer_app") {
            step.kind = ReplayStep::Kind::transfer_app;
            step.app_id = text_of(detail, "app_id");
            step.owner = text_of(detail, "to");
            transfers_.insert_or_assign(step.app_id, step);
        } else if (action == "unbind_variables") {
            step.kind = ReplayStep::Kind::unbind_variables;
            step.app_id = text_of(detail, "app_id");
            step.container = text_of(detail, "container");
            step.variables = text_of(detail, "variables");
            add_once("v " + step.db_id + " " + step.app_id + " " + step.container + " " +
                         step.variables,
                     step);
        } else {
            add_of_tenant(action, step);
        }
    }

    std::vector<ReplayStep>
    finish() &&
    {
        for (const auto &[app_id, step] : transfers_)
            steps_.push_back(step);
        for (const std::string &db_id : tenants_in_order_)
            steps_.push_back(tenants_.at(db_id));
        return std::move(steps_);
    }

private:
    void
    add_once(const std::string &key, const ReplayStep &step)
    {
        if (seen_.insert(key).second)
            steps_.push_back(step);
    }

    // The last of these says what a database is, and a restore revokes what was there before.
    void
    add_of_tenant(const std::string &action, ReplayStep step)
    {
        if (action == "restore_tenant" && !tenants_.contains(step.db_id))
            return; // it was revoked before the point
        step.kind = action == "restore_tenant"  ? ReplayStep::Kind::revoke_and_restore
                    : action == "revoke_tenant" ? ReplayStep::Kind::revoke_tenant
                                                : ReplayStep::Kind::deprovision_tenant;
        if (tenants_.insert_or_assign(step.db_id, step).second)
            tenants_in_order_.push_back(step.db_id);
    }

    std::vector<ReplayStep> steps_;
    std::set<std::string> seen_;
    std::map<std::string, ReplayStep> transfers_; // the last of each app
    std::map<std::string, ReplayStep> tenants_;
    std::vector<std::string> tenants_in_order_;
};

bool
is_replayed(const std::string &action)
{
    return action == "revoke_credential" || action == "drop_service_user" ||
           action == "revoke_tenant" || action == "restore_tenant" ||
           action == "deprovision_tenant" || action == "transfer_app" ||
           action == "unbind_variables";
}

} // namespace

std::vector<ReplayStep>
plan_replay(std::istream &in, const IsAfter &is_after, ExportVisitor *visitor)
{
    Plan plan;
    std::string line;
    json_int_t before = 0;
    for (std::size_t number = 1; std::getline(in, line); number++) {
        const std::string where = "line " + std::to_string(number) + " of the export ";
        if (in.eof())
            refuse(where + "is cut off: it does not end");
        const Json row = line.size() > longest_line ? nullptr : parse_json(line);
        const json_t *id = json_object_get(row.get(), "id");
        if (const json_t *seal = json_object_get(row.get(), "seal"); seal != nullptr && !id) {
            if (visitor != nullptr)
                visitor->seal(seal);
            continue;
        }
        const std::string action = text_of(row.get(), "action");
        if (!json_is_integer(id) || action.empty() || text_of(row.get(), "time").empty())
            refuse(where + "is no row of an audit log");
        if (json_integer_value(id) <= before)
            refuse(where + "comes before one that it follows: its id does not grow");
        before = json_integer_value(id);
        if (visitor != nullptr)
            visitor->row(before, text_of(row.get(), "time"), line);
        if (is_replayed(action) && text_of(row.get(), "outcome") == "done" &&
            is_after(text_of(row.get(), "time")))
            plan.add(action, row.get(), std::to_string(before));
    }
    if (before == 0)
        refuse("the export is empty");
    return std::move(plan).finish();
}

std::string_view
name_of(ReplayStep::Kind kind)
{
    switch (kind) {
    case ReplayStep::Kind::revoke_credential:
        return "revoke_credential";
    case ReplayStep::Kind::drop_service_user:
        return "drop_service_user";
    case ReplayStep::Kind::revoke_tenant:
        return "revoke_tenant";
    case ReplayStep::Kind::revoke_and_restore:
        return "revoke_tenant, restore_tenant";
    case ReplayStep::Kind::deprovision_tenant:
        return "deprovision_tenant";
    case ReplayStep::Kind::transfer_app:
        return "transfer_app";
    case ReplayStep::Kind::unbind_variables:
        return "unbind_variables";
    }
    return "";
}

} // namespace sidecar
