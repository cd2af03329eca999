/* Looks for the extension. See installation.hpp. */
#include "base/installation.hpp"

#include "base/scope.hpp"

namespace appinfra::installation
{

Oid
current()
{
    Oid extension = InvalidOid;

    in_transaction([&](MemoryContext) { extension = get_extension_oid("appinfra", true); });
    return extension;
}

} // namespace appinfra::installation
