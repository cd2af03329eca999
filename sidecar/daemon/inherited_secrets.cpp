// See inherited_secrets.hpp.
#include "daemon/inherited_secrets.hpp"

#include <algorithm>
#include <string>

#include "base/failure.hpp"
#include "base/process.hpp"

namespace sidecar
{

InheritedSecrets
take_inherited_secrets()
{
    return {take_from_environment("OPENFACTORY_DB_PRODUCER_TOKEN"),
            take_from_environment("APPINFRA_DATABASE_URL"),
            take_from_environment("PGPASSWORD"),
            take_from_environment("OPENFACTORY_STORAGE_PRODUCER_TOKEN"),
            take_from_environment("APPINFRA_S3_ADMIN_SECRET_KEY"),
            take_from_environment("AGENTCOOPDB_API_KEY")};
}

Secret
bearer_token(Secret token, const char *what)
{
    const std::string_view text = token.reveal();
    if (std::any_of(text.begin(), text.end(), [](char c) { return c <= ' ' || c > '~'; }))
        refuse(std::string(what) + " has characters that no header may carry");
    return token;
}

} // namespace sidecar
