// Secrets that come by the environment: taken out of it at the start, so that no child inherits
// them.
#pragma once

#include "base/secret.hpp"

namespace sidecar
{

// The secrets the environment held at the start; they are in it no more.
struct InheritedSecrets {
    Secret token;             // OPENFACTORY_DB_PRODUCER_TOKEN
    Secret database_url;      // APPINFRA_DATABASE_URL
    Secret database_password; // PGPASSWORD
    Secret storage_token;     // OPENFACTORY_STORAGE_PRODUCER_TOKEN
    Secret store_key;         // APPINFRA_S3_ADMIN_SECRET_KEY
    Secret api_key;           // AGENTCOOPDB_API_KEY
};

// Takes the secrets out of the environment.
InheritedSecrets take_inherited_secrets();

// Returns a token as it is. Throws a configuration Failure, which calls it what, for one that no
// header may carry.
Secret bearer_token(Secret token, const char *what);

} // namespace sidecar
