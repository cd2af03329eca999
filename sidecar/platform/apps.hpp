// Whose an app is: which apps a caller reaches, and the use cases by which administrators register
// apps and give them away. An app that a caller does not reach is answered as one that does not
// exist.
#pragma once

#include <optional>
#include <string>

#include "platform/fields.hpp"
#include "platform/use_case.hpp"

namespace sidecar::use_cases
{

// What is known of an app that the caller reaches.
struct App {
    std::optional<std::string> owner; // nothing: it is nobody's yet
    std::optional<std::string> slug;  // the default one of its databases
};

// Returns the app. Throws not_found when the caller does not reach it.
App reach(Database &database, const Caller &caller, const std::optional<std::string> &app_id);

// Returns whose a new database of the app is. Throws a Problem when the input names somebody whom
// the caller may not name, or who does not own the app.
std::string owner_of(const Caller &caller, const Input &input, const App &app);

extern const FieldRule app_fields[2];
Answer register_app(Database &database, const Caller &caller, const std::string &app_id,
                    const Input &input);
Answer get_app(Database &database, const std::string &app_id);
Answer unregister_app(Database &database, const Caller &caller, const std::string &app_id);

extern const FieldRule transfer_fields[1];
Answer transfer_app(Database &database, const Caller &caller, const std::string &app_id,
                    const Input &input);

// All apps, by app_id, or those of one owner.
extern const FieldRule app_list_fields[3];
Answer list_apps(Database &database, const Input &input);

} // namespace sidecar::use_cases
