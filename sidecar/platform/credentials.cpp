// See credentials.hpp.
#include "platform/credentials.hpp"

#include <limits>

#include "platform/access_sql.hpp"
#include "platform/ownership.hpp"
#include "platform/problem.hpp"

namespace sidecar::use_cases
{
namespace
{

// Throws not_found unless the text is a number as publications have it.
void
check_publication_id(const std::string &text)
{
    if (text.empty() || text.size() > 18 ||
        text.find_first_not_of("0123456789") != std::string::npos)
        throw not_found("there is no such publication");
}

} // namespace

const FieldRule credential_fields[2] = {
    {"access", FieldKind::text, true, "what it may do", access_shape},
    {"valid_for", FieldKind::time, false,
     "after what time it is revoked by itself, such as 1h; valid until revoked if absent"},
};

const FieldRule credential_revocation_fields[1] = {reason_field};

const FieldRule publication_list_fields[2] = {
    limit_field(500),
    {"cursor", FieldKind::count, false, "next_cursor of the page before", nullptr, 1,
     std::numeric_limits<std::int64_t>::max() / 10},
};

Answer
list_credentials(Database &database, const Caller &caller, const std::string &db_id)
{
    own(database, caller, db_id);
    return {database.value(sql::list_credentials, {db_id}).value_or("{}")};
}

Answer
issue_credential(Database &database, const Caller &caller, const std::string &db_id,
                 const Input &input)
{
    return for_owner(database, caller, db_id, [&] {
        return connection_answer(database.value(
            sql::issue_credential, {db_id, input.text("access"), input.interval("valid_for")}));
    });
}

Answer
revoke_credential(Database &database, const Caller &caller, const std::string &db_id,
                  const std::string &username, const Input &input)
{
    return for_owner(database, caller, db_id, [&]() -> Answer {
        auto json = database.value(sql::revoke_credential, {db_id, username, input.text("reason")});
        if (!json)
            throw not_found("there is no such credential");
        return {std::move(*json)};
    });
}

Answer
list_publications(Database &database, const Caller &caller, const std::string &db_id,
                  const Input &input)
{
    own(database, caller, db_id);
    const auto cursor = input.count("cursor");
    return {database
                .value(sql::list_publications,
                       {db_id,
                        cursor ? std::optional<std::string>(std::to_string(*cursor)) : std::nullopt,
                        std::to_string(input.count("limit").value_or(100))})
                .value_or("{}")};
}

Answer
retry_publication(Database &database, const Caller &caller, const std::string &publication_id,
                  const std::optional<std::string> &db_id)
{
    check_publication_id(publication_id);
    const auto whose = database.value(sql::publication_database, owned(publication_id, caller));
    if (!whose || (db_id && *db_id != *whose))
        throw not_found("there is no such publication");
    return for_owner(database, caller, *whose, [&]() -> Answer {
        database.value(sql::retry_publication, {publication_id});
        return {database.value(sql::publication, {publication_id}).value_or("{}")};
    });
}

} // namespace sidecar::use_cases
