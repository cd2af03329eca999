// What check-env has found against one rule of the DSN contract, in words for a person.
// Whoever makes one has made sure that no part of a password is in it.
#pragma once

#include <string>
#include <vector>

namespace sidecar
{

// The rules by the names under which people look them up.
namespace rule
{
inline constexpr const char *forbidden_variable = "forbidden_variable";
inline constexpr const char *required = "required";
inline constexpr const char *dsn_syntax = "dsn_syntax";
inline constexpr const char *empty_user = "empty_user";
inline constexpr const char *superuser_name = "superuser_name";
inline constexpr const char *same_user = "same_user";
inline constexpr const char *different_database = "different_database";
inline constexpr const char *weak_tls = "weak_tls";
inline constexpr const char *url_syntax = "url_syntax";
inline constexpr const char *key_syntax = "key_syntax";
inline constexpr const char *multiple_values = "multiple_values";
inline constexpr const char *superuser_role = "superuser_role";
inline constexpr const char *bypasses_rls = "bypasses_rls";
inline constexpr const char *unknown_user = "unknown_user";
inline constexpr const char *unknown_value = "unknown_value";
} // namespace rule

// The variables the contract is about.
namespace variable
{
inline constexpr const char *app = "DATABASE_URL";
inline constexpr const char *service = "DATABASE_SERVICE_URL";
inline constexpr const char *root = "DATABASE_ROOT_URL";
inline constexpr const char *gateway_url = "AGENTCOOPDB_GATEWAY_URL";
inline constexpr const char *api_key = "AGENTCOOPDB_API_KEY";
inline constexpr const char *api_key_file = "AGENTCOOPDB_API_KEY_FILE";
} // namespace variable

struct Finding {
    std::string rule;
    std::string variable;
    std::string problem;
    std::string remedy;
    bool is_warning = false; // else a violation
};

using Findings = std::vector<Finding>;

} // namespace sidecar
