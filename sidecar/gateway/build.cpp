// See build.hpp.
#include "gateway/build.hpp"

namespace sidecar::gateway
{

std::string
build_json()
{
    return "{\"version\":\"" APPINFRA_VERSION "\",\"commit\":\"" APPINFRA_COMMIT
           "\",\"build_date\":\"" APPINFRA_BUILD_DATE "\"}";
}

} // namespace sidecar::gateway
