// How a person names a database: by its db_id, or by its app, which is enough while the app has
// one; else by app and slug, APP/SLUG. A bucket is named alike.
#pragma once

#include <string>

#include "cli/client.hpp"

namespace sidecar::cli
{

// The db_id of the database that is meant. Throws a Refusal when there is none, or several.
std::string database_named(Client &client, const std::string &name);

// The bucket_id of the bucket that is meant, likewise.
std::string bucket_named(Client &client, const std::string &name);

} // namespace sidecar::cli
