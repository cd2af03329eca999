// See pg_roles.hpp.
#include "check_env/pg_roles.hpp"

#include "postgres/conninfo.hpp"

namespace sidecar
{
namespace
{

// $1 login, $2 database. A login's SET role counts only where it is a member, as at login; of the
// places where it can be set the most specific wins. A superuser is a member of every role: only
// itself and its SET role are of interest. Names that are too long are cut as the server does.
constexpr const char *query = R"sql(
WITH login AS (SELECT oid, rolsuper FROM pg_catalog.pg_roles WHERE rolname = $1::pg_catalog.name),
setting AS (
    SELECT pg_catalog.substr(entry, 6)::pg_catalog.name AS role
      FROM pg_catalog.pg_db_role_setting s, pg_catalog.unnest(s.setconfig) entry, login
     WHERE entry LIKE 'role=%'
       AND s.setrole IN (0, login.oid)
       AND s.setdatabase IN (0, (SELECT oid FROM pg_catalog.pg_database
                                  WHERE datname = $2::pg_catalog.name))
     ORDER BY s.setrole = 0, s.setdatabase = 0
     LIMIT 1)
SELECT r.rolname, r.oid = login.oid, coalesce(r.rolname = setting.role, false), r.rolcanlogin,
       r.rolsuper, r.rolcreaterole, r.rolcreatedb, r.rolreplication, r.rolbypassrls
  FROM login
  LEFT JOIN setting ON true
  JOIN pg_catalog.pg_roles r
    ON r.oid = login.oid
    OR (pg_catalog.pg_has_role(login.oid, r.oid, 'MEMBER')
        AND (NOT login.rolsuper OR r.rolname = setting.role))
 ORDER BY r.oid <> login.oid, r.rolname)sql";

} // namespace

PgRoles::PgRoles(const Secret &conninfo)
    : connection_(Conninfo(conninfo.reveal(), {}, "any"),
                  {"SET search_path = pg_catalog", "SET statement_timeout = '20s'"})
{
}

std::vector<RoleFact>
PgRoles::roles_of(const std::string &user, const std::string &database)
{
    const Rows rows = connection_.query(query, {user, database});
    std::vector<RoleFact> roles;
    for (int row = 0; row < PQntuples(rows.get()); row++) {
        const auto is = [&](int column) {
            return text_at(rows, row, column) == "t";
        };
        roles.push_back({std::string(text_at(rows, row, 0)), is(1), is(2), is(3), is(4), is(5),
                         is(6), is(7), is(8)});
    }
    return roles;
}

} // namespace sidecar
