// See database_url.hpp.
#include "postgres/database_url.hpp"

#include <cstdlib>

#include "base/failure.hpp"
#include "base/process.hpp"
#include "postgres/conninfo.hpp"

namespace sidecar
{

void
check_database_flag(const std::string &flag, const std::string &variable)
{
    if (carries_password(flag))
        throw Failure(Failure::Kind::configuration,
                      "--database cannot be parsed or carries a password, which everyone on this "
                      "machine could read; use " +
                          variable + " or " + variable + "_FILE");
}

Secret
secret_of(const Secret &value, const std::string &file, const std::string &variable)
{
    if (!value.empty() && !file.empty())
        throw Failure(Failure::Kind::configuration,
                      variable + " and " + variable + "_FILE are both set; keep one");
    return file.empty() ? value.clone() : secret_from_file(file);
}

Secret
database_url(const std::optional<std::string> &flag, const Secret &value, const std::string &file,
             const std::string &variable)
{
    return flag ? Secret(*flag) : secret_of(value, file, variable);
}

DatabaseAccess
database_access(const std::optional<std::string> &flag)
{
    constexpr const char *variable = "APPINFRA_DATABASE_URL";
    const Secret url = take_from_environment(variable);
    const char *file = std::getenv("APPINFRA_DATABASE_URL_FILE");
    DatabaseAccess access;
    access.password = take_from_environment("PGPASSWORD");
    if (flag)
        check_database_flag(*flag, variable);
    access.url = database_url(flag, url, file != nullptr ? file : "", variable);
    return access;
}

} // namespace sidecar
