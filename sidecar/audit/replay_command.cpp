// See replay_command.hpp.
#include "audit/replay_command.hpp"

#include "audit/pg_audit_log.hpp"
#include "audit/replay.hpp"
#include "audit/sealed_export.hpp"
#include "base/failure.hpp"
#include "base/input_file.hpp"
#include "base/text.hpp"
#include "postgres/blocking_connection.hpp"

namespace sidecar
{
namespace
{

// A credential that lives though it is older than the point: a newer one is another's.
#define LIVES_SINCE_BEFORE(point)                                                                  \
    "c.state IN ('waiting', 'active', 'retiring') AND c.created_at <= " point "::timestamptz"

// The target of a service ends in this.
#define SERVICE_TARGET(service, host)                                                              \
    "'/svc/' || replace(replace(" service ", '%', '%25'), '/', '%2F') || '/' ||"                   \
    " replace(replace(" host ", '%', '%25'), '/', '%2F')"

// The variables of $5, older than the point $2, that database $1 still holds in container $4 ("":
// the environment itself) of app $3.
#define STILL_BOUND                                                                                \
    "SELECT DISTINCT v FROM appinfra.bindings b, unnest(b.variables) v"                            \
    " WHERE b.db_id = $1 AND NOT b.ended AND b.created_at <= $2::timestamptz AND b.app_id = $3"    \
    " AND b.container IS NOT DISTINCT FROM nullif($4, '')"                                         \
    " AND v = ANY (string_to_array($5, ', '))"

// What a step is on this server: "todo", "done" or "unknown", and how it is done. state_of() and
// apply() say what the parameters are.
struct Statement {
    ReplayStep::Kind kind;
    const char *state;
    const char *apply;
};

constexpr Statement statements[] = {
    {ReplayStep::Kind::revoke_credential,
     "SELECT CASE WHEN count(*) = 0 THEN 'unknown'"
     "            WHEN bool_or(" LIVES_SINCE_BEFORE(
         "$2") ") THEN 'todo' ELSE 'done' END"
               "  FROM appinfra.credentials c WHERE c.db_id = $1 AND c.username = $3",
     "SELECT appinfra.revoke_credential($1, $2)"},
    {ReplayStep::Kind::drop_service_user,
     "SELECT CASE WHEN count(*) = 0 THEN 'unknown'"
     "            WHEN bool_or(" LIVES_SINCE_BEFORE(
         "$2") ") THEN 'todo' ELSE 'done' END"
               "  FROM appinfra.credentials c CROSS JOIN LATERAL (SELECT " SERVICE_TARGET(
                   "$3", "$4") ") t (x)"
                               " WHERE c.db_id = $1 AND right(c.target, length(t.x)) = t.x",
     "SELECT appinfra.drop_service_user($1, $2, $3)"},
    {ReplayStep::Kind::revoke_tenant,
     "SELECT coalesce((SELECT CASE d.status WHEN 'ready' THEN 'todo' ELSE 'done' END"
     "  FROM appinfra.databases d WHERE d.db_id = $1 AND $2 <> ''), 'unknown')",
     "SELECT appinfra.revoke_tenant($1, $2)"},
    {ReplayStep::Kind::revoke_and_restore,
     "SELECT coalesce((SELECT CASE WHEN d.status IN ('ready', 'revoked') AND EXISTS (SELECT"
     "    FROM appinfra.credentials c WHERE c.db_id = d.db_id AND " LIVES_SINCE_BEFORE(
         "$2") ")"
               "    THEN 'todo' ELSE 'done' END FROM appinfra.databases d WHERE d.db_id = $1), "
               "'unknown')",
     "SELECT appinfra.revoke_tenant($1, $2), appinfra.restore_tenant($1)"},
    {ReplayStep::Kind::deprovision_tenant,
     "SELECT coalesce((SELECT CASE WHEN d.status IN ('ready', 'revoked') THEN 'todo' ELSE 'done' "
     "END"
     "  FROM appinfra.databases d WHERE d.db_id = $1 AND $2 <> ''), 'unknown')",
     "SELECT appinfra.deprovision_tenant($1)"},
    {ReplayStep::Kind::transfer_app,
     "SELECT coalesce((SELECT CASE a.owner_user_id WHEN $2 THEN 'done' ELSE 'todo' END"
     "  FROM appinfra.apps a WHERE a.app_id = $1), 'unknown')",
     "SELECT appinfra.transfer_app($1, $2)"},
    {ReplayStep::Kind::unbind_variables,
     "SELECT coalesce((SELECT CASE WHEN d.status = 'ready' AND EXISTS (" STILL_BOUND
     ") THEN 'todo' ELSE 'done' END FROM appinfra.databases d WHERE d.db_id = $1), 'unknown')",
     "SELECT appinfra.unbind_variables($1, ARRAY(" STILL_BOUND
     "), container => nullif($4, ''), app_id => $3)"},
};

const Statement &
statement_of(ReplayStep::Kind kind)
{
    for (const Statement &one : statements)
        if (one.kind == kind)
            return one;
    throw Failure(Failure::Kind::give_up, "a step of no kind");
}

// Replays on one server.
class Replay
{
public:
    Replay(const AuditOptions &options, const CommandIo &io)
        : io_(io), point_(options.since), applies_(options.apply),
          connection_(
              Conninfo(options.database.reveal(), options.database_password.reveal(), "read-write"),
              {"SELECT pg_catalog.set_config(name, value, false) FROM (VALUES"
               " ('search_path', 'pg_catalog'), ('client_encoding', 'UTF8'),"
               " ('timezone', 'UTC'), ('datestyle', 'ISO')) s (name, value)"})
    {
        PgAuditLog log(connection_);
        seals_ = log.seals();
        heads_ = timed_heads(connection_, heads_of(options.heads, io.in), log.host_id());
        connection_.query("COMMIT");
    }

    // Goes through the steps; returns how many are left to do.
    int
    run(std::istream &in)
    {
        connection_.query("SELECT $1::timestamptz", {point_}); // refuses what is no time
        const IsAfter is_after = [this](const std::string &time) {
            return text_at(connection_.query("SELECT $1::timestamptz > $2::timestamptz",
                                             {time, point_}),
                           0, 0) == "t";
        };
        SealedExport sealed(connection_, ExportCheck(seals_, std::move(heads_), is_after));
        const std::vector<ReplayStep> steps = plan_replay(in, is_after, &sealed);
        if (!sealed.finish())
            io_.out << "not checked: the export has no seals, which tell whether it was changed; "
                       "write it with --seals, or give --heads"
                    << std::endl;
        int left = 0;
        for (const ReplayStep &step : steps)
            if (!settle(step))
                left++;
        io_.out << (left == 0 ? "nothing is left to do" : std::to_string(left) + " left to do")
                << std::endl;
        return left;
    }

private:
    // Says what a step is, and does it where that is asked for; false when it is still to be done.
    bool
    settle(const ReplayStep &step)
    {
        const std::string state = state_of(step);
        if (state != "todo") {
            print(step, state == "done" ? "done already" : "unknown here");
            return true;
        }
        if (!applies_) {
            print(step, "to do");
            return false;
        }
        try {
            apply(step);
            print(step, "done");
            return true;
        } catch (const Failure &failure) {
            if (!connection_.alive())
                throw;
            print(step, "failed: " + clean_text(failure.what()));
            return false;
        }
    }

    std::string
    state_of(const ReplayStep &step)
    {
        Parameters parameters = {step.db_id, point_};
        if (step.kind == ReplayStep::Kind::transfer_app)
            parameters = {step.app_id, step.owner};
        if (step.kind == ReplayStep::Kind::revoke_credential)
            parameters.push_back(step.credential);
        if (step.kind == ReplayStep::Kind::unbind_variables)
            parameters = unbound_by(step);
        if (step.kind == ReplayStep::Kind::drop_service_user) {
            parameters.push_back(step.service_id);
            parameters.push_back(step.host_id);
        }
        return std::string(
            text_at(connection_.query(statement_of(step.kind).state, parameters), 0, 0));
    }

    // The parameters of STILL_BOUND.
    Parameters
    unbound_by(const ReplayStep &step) const
    {
        return {step.db_id, point_, step.app_id, step.container, step.variables};
    }

    void
    apply(const ReplayStep &step)
    {
        const std::string reason = "replayed: row " + step.row + " of the exported audit log";
        const char *statement = statement_of(step.kind).apply;
        switch (step.kind) {
        case ReplayStep::Kind::revoke_credential:
            connection_.query(statement, {step.credential, reason});
            break;
        case ReplayStep::Kind::drop_service_user:
            connection_.query(statement, {step.db_id, step.service_id, step.host_id});
            break;
        case ReplayStep::Kind::transfer_app:
            connection_.query(statement, {step.app_id, step.owner});
            break;
        case ReplayStep::Kind::unbind_variables:
            connection_.query(statement, unbound_by(step));
            break;
        case ReplayStep::Kind::deprovision_tenant:
            connection_.query(statement, {step.db_id});
            break;
        default:
            connection_.query(statement, {step.db_id, reason});
        }
    }

    void
    print(const ReplayStep &step, const std::string &state)
    {
        const bool is_of_tenant = step.kind == ReplayStep::Kind::revoke_tenant ||
                                  step.kind == ReplayStep::Kind::revoke_and_restore ||
                                  step.kind == ReplayStep::Kind::deprovision_tenant;
        io_.out << name_of(step.kind);
        for (const std::string &part :
             {step.db_id, is_of_tenant ? "" : step.credential, step.service_id, step.host_id,
              step.app_id, step.owner, step.container, step.variables})
            if (!part.empty())
                io_.out << ' ' << clean_text(part);
        io_.out << " (row " << step.row << ", " << clean_text(step.time) << "): " << state << '\n';
    }

    CommandIo io_;
    std::string point_;
    bool applies_;
    BlockingConnection connection_;
    std::vector<Seal> seals_; // of this server
    std::vector<Head> heads_; // that were collected outside
};

} // namespace

int
replay_audit(const AuditOptions &options, const CommandIo &io)
{
    Replay replay(options, io);
    if (options.file == "-")
        return replay.run(io.in) == 0 ? 0 : 1;
    std::ifstream in = open_input(options.file);
    return replay.run(in) == 0 ? 0 : 1;
}

} // namespace sidecar
