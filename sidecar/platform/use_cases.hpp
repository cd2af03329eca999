// What the platform does for its callers with databases: each use case once, behind the REST API
// and MCP alike. Every function first makes sure that the database is the caller's (ownership.hpp).
#pragma once

#include <optional>
#include <string>

#include "platform/fields.hpp"
#include "platform/use_case.hpp"

namespace sidecar::use_cases
{

// provision: app_id, and optionally slug, owner_user_id, engine, env, publish, idempotency_key,
// expires. The slug is the app's default one when it is absent, else the one given here, which may
// be missing.
extern const FieldRule provision_fields[8];
Answer provision(Database &database, const Caller &caller, const Input &input,
                 const std::optional<std::string> &usual_slug = std::nullopt);

// The metadata of one database.
Answer get(Database &database, const Caller &caller, const std::string &db_id);

// The caller's databases, by creation: of an app, or all.
extern const FieldRule list_fields[3];
Answer list(Database &database, const Caller &caller, const Input &input);

// rotate: a new credential for env_key; the one it replaces retires.
extern const FieldRule rotate_fields[6];
Answer rotate(Database &database, const Caller &caller, const std::string &db_id,
              const Input &input);

extern const FieldRule revoke_fields[1];
Answer revoke(Database &database, const Caller &caller, const std::string &db_id,
              const Input &input);

extern const FieldRule restore_fields[1];
Answer restore(Database &database, const Caller &caller, const std::string &db_id,
               const Input &input);

// remove: deprovisions, to be dropped when retain is over.
extern const FieldRule remove_fields[1];
Answer remove(Database &database, const Caller &caller, const std::string &db_id,
              const Input &input);

Answer exposures(Database &database, const Caller &caller, const std::string &db_id);

// exposures, credentials and publications of a database.
Answer check(Database &database, const Caller &caller, const std::string &db_id);

// The audit log after an id, for administrators.
extern const FieldRule audit_fields[3];
Answer audit(Database &database, const Input &input);

// How far the newest deliveries of a database are: of one variable (if it is not empty), to one
// target (if it is not empty), or of all.
struct Delivery {
    bool all_published = false;
    bool failed = false;
    std::string error;
};
Delivery delivery(Database &database, const std::string &db_id, const std::string &variable,
                  const std::string &target = "");

// The answer of a statement that asks for it.
Delivery delivery_of(const std::optional<std::string> &json);

// The idempotency key of a request, as the registry gets it: keys of different users never meet, so
// that nobody learns of another's by guessing its key.
std::optional<std::string> key_of(const Caller &caller, const Input &input);

// Where a page begins: behind the thing that was made at time and is called last.
struct Cursor {
    std::optional<std::string> time;
    std::optional<std::string> last;
};
Cursor cursor_of(const Input &input, bool (*is_id)(std::string_view));

// A DNS label made of an app's id.
std::string slug_of(const std::string &app);

// A database's status, and until when it can be restored, as {db_id, status, restorable_until}.
Answer retention(Database &database, const std::string &db_id);

} // namespace sidecar::use_cases
