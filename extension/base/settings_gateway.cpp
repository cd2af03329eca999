/* Defines the settings of gateways, keys and calls. Part of settings.hpp. */
#include "base/settings.hpp"

#include "base/label.hpp"

namespace appinfra::settings
{

int gateway_login_lifetime;
int gateway_commit_wait;
int gateway_statement_timeout;
int key_limit;
int call_retention;
char *gateway_url;
char *key_id;

static bool check_key_id(char **value, void **extra, GucSource source);
static bool is_key_id(const char *text);

void
define_gateway()
{
    DefineCustomIntVariable("appinfra.gateway_login_lifetime",
                            "How long the login of a gateway is valid.", nullptr,
                            &gateway_login_lifetime, 3600, 60, 30 * 86400, PGC_SIGHUP,
                            GUC_UNIT_S | GUC_SUPERUSER_ONLY, nullptr, nullptr, nullptr);
    DefineCustomIntVariable(
        "appinfra.gateway_commit_wait",
        "How long a call that was finished before its key was revoked may take to commit.",
        "Then its backend is terminated.", &gateway_commit_wait, 2000, 0, 600 * 1000, PGC_SIGHUP,
        GUC_UNIT_MS | GUC_SUPERUSER_ONLY, nullptr, nullptr, nullptr);
    /* A gateway says here what its own option is; it concerns no other session. */
    DefineCustomIntVariable("appinfra.gateway_statement_timeout",
                            "The statement time-out of the gateway that has connected here.",
                            "A call that runs for twice as long is ended by its repetition.",
                            &gateway_statement_timeout, 60 * 1000, 1, 3600 * 1000, PGC_USERSET,
                            GUC_UNIT_MS, nullptr, nullptr, nullptr);
    DefineCustomIntVariable("appinfra.key_limit", "Active API keys of a workspace.", nullptr,
                            &key_limit, 1000, 0, INT_MAX, PGC_SIGHUP, GUC_SUPERUSER_ONLY, nullptr,
                            nullptr, nullptr);
    DefineCustomIntVariable("appinfra.call_retention",
                            "How long calls with an Idempotency-Key are kept.", nullptr,
                            &call_retention, 86400, 60, INT_MAX, PGC_SIGHUP,
                            GUC_UNIT_S | GUC_SUPERUSER_ONLY, nullptr, nullptr, nullptr);
    DefineCustomStringVariable("appinfra.gateway_url", "The URL by which apps reach the gateway.",
                               "It is published beside API keys; empty: none is published.",
                               &gateway_url, "", PGC_SUSET, GUC_SUPERUSER_ONLY, check_url, nullptr,
                               nullptr);
    DefineCustomStringVariable(
        "appinfra.key_id", "The API key for which a gateway's session runs statements.",
        "Set by the gateway as it connects; no statement changes it.", &key_id, "", PGC_BACKEND,
        GUC_NOT_IN_SAMPLE | GUC_DISALLOW_IN_FILE, check_key_id, nullptr, nullptr);
}

/* Admits an id only in the session of a gateway's login, and in the workers of its queries. */
static bool
check_key_id(char **value, void **, GucSource source)
{
    label::Label label;

    if ((*value)[0] == '\0' || source == PGC_S_DEFAULT || InitializingParallelWorker)
        return true;
    if (!IsTransactionState() || !label::of_role(GetAuthenticatedUserId(), &label) ||
        !label::is_gateway_login(label)) {
        GUC_check_errcode(ERRCODE_INSUFFICIENT_PRIVILEGE);
        GUC_check_errmsg("permission denied to set \"appinfra.key_id\"");
        GUC_check_errdetail("Only a gateway's login has it, from the start of its session.");
        return false;
    }
    if (!is_key_id(*value))
        GUC_check_errdetail("It is 16 characters of base64url.");
    return is_key_id(*value);
}

static bool
is_key_id(const char *text)
{
    constexpr size_t length = 16;
    const char *letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

    return strlen(text) == length && strspn(text, letters) == length;
}

} // namespace appinfra::settings
