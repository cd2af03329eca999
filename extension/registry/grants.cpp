/* Grants privileges on a tenant's database. See grants.hpp. */
#include "registry/grants.hpp"

#include "base/ddl.hpp"
#include "base/identifiers.hpp"

namespace appinfra::grants
{

struct Grant {
    const char *kind;
    const char *access;
    const char *privilege;
};

#define ITEM(kind, access, privilege)                                                              \
    {                                                                                              \
        kind, access, privilege                                                                    \
    }
#define COMMA ,
constexpr Grant table[] = {TENANT_GRANTS(ITEM, COMMA)};
constexpr const char *connect[] = {"CONNECT"};

static void open_to(const char *database, const char *role, const char *kind, const char *access);

void
open_to_groups(const char *database)
{
    for (const char *access : identifiers::accesses)
        open_to(database, identifiers::group_role(database, access), "group", access);
    if (OidIsValid(get_role_oid(POOLER_ROLE, true))) /* or somebody has dropped it */
        ddl::grant_on_database(database, POOLER_ROLE, connect);
}

void
open_to_login(const char *database, const char *login, const char *access)
{
    open_to(database, login, "login", access);
}

/* Grants the role what the table says of its kind and access. */
static void
open_to(const char *database, const char *role, const char *kind, const char *access)
{
    const char *privileges[lengthof(table)];
    size_t count = 0;

    for (const Grant &grant : table)
        if (strcmp(grant.kind, kind) == 0 && strcmp(grant.access, access) == 0)
            privileges[count++] = grant.privilege;
    if (count > 0)
        ddl::grant_on_database(database, role, {privileges, count});
}

} // namespace appinfra::grants
