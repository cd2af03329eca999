// What an exported audit log says was revoked, dropped or deprovisioned after a point, so that it
// can be done again on a server that was restored to that point. Pure: it knows nothing but the
// export.
#pragma once

#include <cstdint>
#include <functional>
#include <istream>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"

namespace sidecar
{

// What is to be the case in the end.
struct ReplayStep {
    enum class Kind {
        revoke_credential,
        drop_service_user,
        revoke_tenant,
        revoke_and_restore, // all it had is revoked, and it was restored afterwards
        deprovision_tenant,
        transfer_app,
        unbind_variables,
    };

    Kind kind;
    std::string row;  // id of the row that says so
    std::string time; // of that row
    std::string db_id;
    std::string credential; // revoke_credential
    std::string service_id; // drop_service_user
    std::string host_id;
    std::string app_id; // transfer_app, unbind_variables
    std::string owner;
    std::string container{}; // unbind_variables; empty: the app's own environment
    std::string variables{}; // "A, B"
};

// Tells whether a time, as the export has it, is after the point.
using IsAfter = std::function<bool(const std::string &time)>;

// Is told of every line of an export, in order, and throws a Failure for what does not fit.
class ExportVisitor
{
public:
    virtual ~ExportVisitor() = default;
    virtual void seal(const json_t *seal) = 0;
    virtual void row(std::int64_t id, const std::string &time, const std::string &line) = 0;
};

// Reads an export (JSON lines, as `appinfrad audit` writes them) and returns what its rows after
// the point come to, databases last. Throws a configuration Failure that names the
// line for one that is no such row, one that is cut off, and for ids that do not grow.
std::vector<ReplayStep> plan_replay(std::istream &in, const IsAfter &is_after,
                                    ExportVisitor *visitor = nullptr);

std::string_view name_of(ReplayStep::Kind kind);

} // namespace sidecar
