/* Reports logins. See login_events.hpp. */
#include "audit/login_events.hpp"

#include "base/label.hpp"
#include "base/settings.hpp"

namespace appinfra::login_events
{

static ClientAuthentication_hook_type next_client_authentication;
static emit_log_hook_type next_emit_log;

static bool reported;       /* this process's login has been reported as what it was */
static bool authenticated;  /* its password was right */
static label::Label tenant; /* whose login it is; db_id empty: no tenant's */

static void client_authentication(Port *port, int status);
static void emit_log(ErrorData *error);
static bool is_refused_login(const ErrorData *error);
static void on_transaction_end(XactEvent event, void *argument);
static void report(events::Outcome outcome, const char *rule, const char *object,
                   const char *credential = nullptr);

void
define()
{
    next_client_authentication = ClientAuthentication_hook;
    ClientAuthentication_hook = client_authentication;
    next_emit_log = emit_log_hook;
    emit_log_hook = emit_log;
}

void
mark_reported()
{
    reported = true;
}

/*
 * After the password was checked. A client that hangs up when asked for one has not tried any. The
 * login is done when the transaction ends in which the session is set up: much can still refuse it.
 */
static void
client_authentication(Port *port, int status)
{
    if (status == STATUS_ERROR) {
        bool known = OidIsValid(get_role_oid(port->user_name, true));

        report(events::Outcome::failed, known ? "password" : "unknown_user", nullptr,
               known ? port->user_name : nullptr);
    } else if (status == STATUS_OK) {
        Oid role = get_role_oid(port->user_name, true);

        authenticated = true;
        if (OidIsValid(role) && label::of_role(role, &tenant))
            RegisterXactCallback(on_transaction_end, nullptr);
        else
            tenant.db_id[0] = '\0';
    }
    if (next_client_authentication)
        next_client_authentication(port, status);
}

/* Reports a refused or failed login when an error ends the connection before its session began. */
static void
emit_log(ErrorData *error)
{
    if (is_refused_login(error))
        report(authenticated ? events::Outcome::refused : events::Outcome::failed, "server",
               unpack_sql_state(error->sqlerrcode));
    if (next_emit_log)
        next_emit_log(error);
}

/* A login is not refused when the server turns it away because it stops, or its connection broke.
 */
static bool
is_refused_login(const ErrorData *error)
{
    return error->elevel == FATAL && !reported && MyProcPort != nullptr && MyProc != nullptr &&
           IsInitProcessingMode() &&
           ERRCODE_TO_CATEGORY(error->sqlerrcode) != ERRCODE_OPERATOR_INTERVENTION &&
           error->sqlerrcode != ERRCODE_CONNECTION_FAILURE;
}

static void
on_transaction_end(XactEvent event, void *)
{
    if (event == XACT_EVENT_COMMIT && !reported) {
        reported = true;
        if (settings::audit_logins)
            report(events::Outcome::done, nullptr, nullptr);
    }
}

static void
report(events::Outcome outcome, const char *rule, const char *object, const char *credential)
{
    reported = true;
    events::report({.action = "login",
                    .outcome = outcome,
                    .rule = rule,
                    .db_id = authenticated && tenant.db_id[0] != '\0' ? tenant.db_id : nullptr,
                    .credential = credential,
                    .object = object,
                    .observed = false});
}

} // namespace appinfra::login_events
