// See option_rows.hpp.
#include "cli/option_rows.hpp"

namespace sidecar::cli
{
namespace
{

constexpr const char *server = "Server";
constexpr const char *output = "Output";
constexpr const char *waiting = "Waiting";
constexpr const char *what = "What";

// clang-format off
constexpr OptionRow rows[] = {
    {"app", "", "", "db-ls buckets-ls publications-ls audit", what, "only those of this app"},
    {"owner", "", "", "db-create buckets-create apps-ls", what, "whose it is, the caller by default; of apps ls: only this user's"},
    {"slug", "", "", "db-create buckets-create apps-register", what, "a DNS label that names it; the app's by default"},
    {"env", "", "", "db-create", what, "NAME=ACCESS: a variable and what its DSN may do (owner, writer, reader, service); may be repeated; DATABASE_URL=owner by default", false, true},
    {"no-publish", "", "", "db-create db-rotate db-restore db-bind services-rotate keys-mint buckets-create buckets-rotate buckets-restore", what, "print the secret, once, instead of delivering it to the app's environment", true},
    {"idempotency-key", "", "", "db-create buckets-create", what, "a name for this request: a repetition makes nothing new"},
    {"variable", "", "DATABASE_URL", "db-rotate", what, "whose credential is renewed"},
    {"to-app", "", "", "db-rotate db-bind db-unbind", what, "another app of the owner whose environment is meant"},
    {"container", "", "", "db-rotate db-bind db-unbind", what, "the container of the app whose environment is meant"},
    {"grace", "", "", "db-rotate services-rotate", what, "how long the old credential lives after the new one's first login, such as 30m; 1h by default"},
    {"deadline", "", "", "db-rotate services-rotate buckets-rotate", what, "when the old one ends although the new one was never used, such as 7d"},
    {"issue", "", "", "db-url", what, "issue a credential, and print the DSN with its password, once", true},
    {"access", "", "owner", "db-url db-psql credentials-issue", what, "what the credential may do: owner, writer, reader or service"},
    {"valid-for", "", "1h", "db-url db-psql credentials-issue", what, "when the credential ends by itself, such as 1h or 7d"},
    {"role", "", "reader", "keys-mint", what, "what the key may do: dbadmin, dbuser or reader"},
    {"name", "", "", "keys-mint", what, "what the key is called in lists"},
    {"key-env", "", "live", "keys-mint", what, "stands in the key: dev, live or test"},
    {"ends-after", "", "", "keys-mint", what, "when the key ends by itself, such as 30d; valid until revoked if absent"},
    {"retain", "", "", "db-delete buckets-delete", what, "how long it can be restored, such as 12h or 7d; the host's retention by default"},
    {"reason", "", "", "db-revoke credentials-revoke keys-revoke buckets-revoke", what, "for the audit"},
    {"connection-limit", "", "", "db-limit", what, "connections of its logins together"},
    {"statement-timeout", "", "", "db-limit", what, "for a statement, such as 30s"},
    {"idle-timeout", "", "", "db-limit", what, "for a session that is idle in a transaction, such as 1m"},
    {"quota", "", "", "buckets-create", what, "bytes; 0: none; the host's by default"},
    {"status", "", "", "publications-ls", what, "only those of this status: pending, claimed, published, failed, superseded or cancelled"},
    {"after", "", "", "audit", what, "only rows with a higher id"},
    {"follow", "", "", "audit", what, "go on with what comes, until it is interrupted", true},
    {"yes", "", "", "db-revoke db-delete db-unbind credentials-revoke services-set keys-revoke sessions-kill apps-unregister buckets-revoke buckets-delete", what, "do it without asking", true},
    {"no-wait", "", "", "db-create db-rotate db-restore db-bind db-revoke db-delete db-unbind credentials-revoke services-set services-rotate publications-retry sessions-kill", waiting, "do not wait until it is done", true},
    {"timeout", "", "60s", "db-create db-rotate db-restore db-bind db-revoke db-delete db-unbind credentials-revoke services-set services-rotate publications-retry sessions-kill", waiting, "how long to wait; what is under way then goes on by itself"},
};
// clang-format on

} // namespace

std::vector<OptionRow>
option_rows(const char *key)
{
    // clang-format off
    std::vector<OptionRow> all = {
        {"url", "APPINFRA_URL", "", key, server, "where the API is: https://…, http:// to a loopback address, or unix:PATH; unix:/run/appinfra/socket by default"},
        {"profile", "APPINFRA_PROFILE", "", key, server, "a section of ~/.config/appinfra/config with url, token-file (or token) and ca; \"default\" by default, where there is one"},
        {"token-file", "APPINFRA_TOKEN_FILE", "", key, server, "file with the bearer token; APPINFRA_TOKEN holds one itself"},
        {"ca", "APPINFRA_CA", "", key, server, "PEM file of the only authorities trusted for the server; else the system's"},
        {"json", "", "", key, output, "print the answer as one line of JSON", true},
        {"wide", "", "", key, output, "cut nothing to the width of the terminal", true},
    };
    // clang-format on
    all.insert(all.begin(), std::begin(rows), std::end(rows));
    return all;
}

} // namespace sidecar::cli
