/* Rules about tenants' roles: attributes, memberships, labels, parameters, tablespaces, what they
 * own elsewhere. See rules.hpp. */
#include "exposure/rules.hpp"

#include "base/identifiers.hpp"
#include "exposure/sql.hpp"
#include "registry/owned.hpp"

namespace appinfra::exposure
{

static constexpr char attributes[] = WITH_TENANT_ROLES R"sql(
SELECT v.severity, 'role_attribute', NULL, quote_ident(r.rolname), NULL, v.detail,
       format('ALTER ROLE %I %s', r.rolname, v.remedy)
  FROM role r CROSS JOIN LATERAL (VALUES
       (r.rolsuper, 'critical', 'The role is a superuser.', 'NOSUPERUSER'),
       (r.rolcreaterole, 'critical', 'The role may create and change roles.', 'NOCREATEROLE'),
       (r.rolreplication, 'critical', 'The role may replicate the whole host.', 'NOREPLICATION'),
       (r.rolcreatedb, 'high', 'The role may create databases.', 'NOCREATEDB'),
       (r.rolbypassrls AND NOT (r.kind = 'group' AND r.access = 'service'), 'high',
        'The role bypasses row-level security, which is for the group "service" only.',
        'NOBYPASSRLS'),
       (r.kind = 'group' AND r.rolcanlogin, 'high', 'A group role may log in.', 'NOLOGIN'),
       (r.kind = 'group' AND r.rolpassword IS NOT NULL, 'medium', 'A group role has a password.',
        'PASSWORD NULL'),
       (r.kind = 'login' AND r.rolinherit, 'medium',
        'The login has its group''s rights also where it has not become the group.', 'NOINHERIT'),
       (r.kind = 'group' AND r.access = 'service' AND NOT r.rolbypassrls, 'medium',
        'The group "service" does not bypass row-level security.', 'BYPASSRLS')
       ) v (found, severity, detail, remedy)
 WHERE v.found AND ($1 IS NULL OR r.db_id = $1)
)sql";

static constexpr char memberships[] = WITH_TENANT_ROLES R"sql(
SELECT CASE WHEN own AND m.admin_option THEN 'high'
            WHEN g.rolsuper OR g.oid < 16384 OR t.oid IS NOT NULL OR g.rolcreaterole
              OR g.rolreplication THEN 'critical'
            ELSE 'high' END,
       'membership', NULL, quote_ident(g.rolname), quote_ident(r.rolname),
       CASE WHEN own AND m.admin_option THEN 'The login may give its group to others.'
            WHEN g.oid < 16384 THEN 'A tenant''s role is a member of a predefined role.'
            WHEN t.oid IS NOT NULL THEN 'A tenant''s role is a member of one it is not to enter.'
            ELSE 'A tenant''s role is a member of a role of the host.' END,
       CASE WHEN own AND m.admin_option
            THEN format('REVOKE ADMIN OPTION FOR %I FROM %I', g.rolname, r.rolname)
            ELSE format('REVOKE %I FROM %I', g.rolname, r.rolname) END
       || CASE WHEN current_setting('server_version_num')::int >= 160000
               THEN format(' GRANTED BY %s', m.grantor::regrole) ELSE '' END || ' CASCADE'
  FROM pg_catalog.pg_auth_members m
  JOIN role r ON r.oid = m.member
  JOIN pg_catalog.pg_authid g ON g.oid = m.roleid
  LEFT JOIN role t ON t.oid = g.oid
 CROSS JOIN LATERAL (SELECT coalesce(t.kind = 'group' AND r.kind = 'login' AND t.db_id = r.db_id
                                 AND t.access = r.access, false) AS own) o
 WHERE (NOT own OR m.admin_option) AND ($1 IS NULL OR r.db_id = $1)
)sql";

static constexpr char outsiders[] = WITH_TENANT_ROLES R"sql(
SELECT 'medium', 'member_of_tenant', NULL, quote_ident(r.rolname), quote_ident(m.rolname),
       'A role that is no tenant''s can act as a tenant''s, and is not guarded.',
       format('REVOKE %I FROM %I', r.rolname, m.rolname)
       || CASE WHEN current_setting('server_version_num')::int >= 160000
               THEN format(' GRANTED BY %s', am.grantor::regrole) ELSE '' END || ' CASCADE'
  FROM pg_catalog.pg_auth_members am
  JOIN role r ON r.oid = am.roleid
  JOIN pg_catalog.pg_authid m ON m.oid = am.member
 WHERE m.oid NOT IN (SELECT oid FROM role) AND ($1 IS NULL OR r.db_id = $1)
)sql";

/* The guard knows tenants' roles by their labels alone. */
static constexpr char labels[] = R"sql(
WITH wanted AS (
    SELECT t.db_id, )sql" SQL_GROUP_ROLE("t.database", "g") R"sql(::name AS role,
           )sql" LABEL_OF_GROUP("t.db_id", "g") R"sql( AS label
      FROM appinfra.tenant t CROSS JOIN unnest(ARRAY['owner', 'writer', 'reader', 'service']) g
     WHERE t.status IN ('ready', 'revoked', 'retained')
    UNION ALL
    SELECT c.db_id, c.role_name, )sql" LABEL_OF_CREDENTIAL R"sql( FROM appinfra.credential c
     WHERE c.state <> 'gone')
SELECT 'critical', 'label', NULL, quote_ident(a.rolname), NULL,
       'The role is a tenant''s, but its label does not say so: the guard lets it pass.',
       format('SECURITY LABEL FOR appinfra ON ROLE %I IS %L', a.rolname, w.label)
  FROM wanted w JOIN pg_catalog.pg_authid a ON a.rolname = w.role
  LEFT JOIN pg_catalog.pg_shseclabel l ON l.objoid = a.oid AND l.provider = 'appinfra'
   AND l.classoid = 'pg_catalog.pg_authid'::regclass
 WHERE l.label IS DISTINCT FROM w.label AND ($1 IS NULL OR w.db_id = $1)
)sql";

static constexpr char parameters[] = WITH_TENANT_ROLES R"sql(
SELECT CASE a.privilege_type WHEN 'SET' THEN 'high' ELSE 'critical' END, 'parameter_grant', NULL,
       p.parname, )sql" GRANTEE("a.grantee", "r.rolname") R"sql(,
       format('%s on a parameter that is for superusers.', a.privilege_type),
       format('REVOKE %s ON PARAMETER %s FROM %s CASCADE', a.privilege_type,
              )sql" SETTING_NAME("p.parname") ", " GRANTEE("a.grantee", "r.rolname") R"sql()
  FROM pg_catalog.pg_parameter_acl p CROSS JOIN aclexplode(p.paracl) a
  LEFT JOIN role r ON r.oid = a.grantee
 WHERE (a.grantee = 0 OR r.oid IS NOT NULL)
   AND ($1 IS NULL OR a.grantee = 0 OR r.db_id = $1)
)sql";

static constexpr char tablespaces[] = WITH_TENANT_ROLES R"sql(
SELECT 'medium', 'tablespace_grant', NULL, quote_ident(s.spcname),
       )sql" GRANTEE("a.grantee", "r.rolname") R"sql(,
       'Tenants may put objects into the tablespace.',
       format('REVOKE ALL ON TABLESPACE %I FROM %s CASCADE', s.spcname,
              )sql" GRANTEE("a.grantee", "r.rolname") R"sql()
  FROM pg_catalog.pg_tablespace s CROSS JOIN aclexplode(s.spcacl) a
  LEFT JOIN role r ON r.oid = a.grantee
 WHERE (a.grantee = 0 OR r.oid IS NOT NULL) AND a.grantee <> s.spcowner
   AND ($1 IS NULL OR a.grantee = 0 OR r.db_id = $1)
 UNION ALL
SELECT 'high', 'tablespace_owner', NULL, quote_ident(s.spcname), quote_ident(r.rolname),
       'A tenant''s role owns a tablespace.',
       format('ALTER TABLESPACE %I OWNER TO %I', s.spcname,
              (SELECT rolname FROM pg_catalog.pg_authid WHERE oid = 10))
  FROM pg_catalog.pg_tablespace s JOIN role r ON r.oid = s.spcowner
 WHERE $1 IS NULL OR r.db_id = $1
)sql";

static constexpr char elsewhere[] = WITH_TENANT_ROLES_AND_DATABASES R"sql(
SELECT 'high', 'owner_elsewhere', d.datname, NULL, quote_ident(r.rolname),
       format('A tenant''s role owns %s objects in a database that is not the tenant''s.',
              count(*)),
       format('REASSIGN OWNED BY %I TO %I', r.rolname,
              (SELECT rolname FROM pg_catalog.pg_authid WHERE oid = 10))
  FROM pg_catalog.pg_shdepend s
  JOIN role r ON s.refclassid = 'pg_catalog.pg_authid'::regclass AND r.oid = s.refobjid
  JOIN pg_catalog.pg_database d ON d.oid = s.dbid
  LEFT JOIN base b ON b.oid = d.oid
 WHERE s.deptype = 'o' AND b.db_id IS DISTINCT FROM r.db_id AND ($1 IS NULL OR r.db_id = $1)
 GROUP BY d.datname, r.rolname
)sql";

/* A pooler's login is to hold nothing: its password lies in the pooler's configuration. */
static constexpr char pooler[] = R"sql(
SELECT 'high', 'pooler_role', NULL, quote_ident(p.rolname), NULL,
       'The login of a pooler may do more than a pooler needs.',
       format('ALTER ROLE %I NOSUPERUSER NOCREATEROLE NOCREATEDB NOREPLICATION NOBYPASSRLS', p.rolname)
  FROM pg_catalog.pg_authid p
 WHERE p.rolname = ')sql" POOLER_ROLE R"sql(' AND $1 IS NULL
   AND (p.rolsuper OR p.rolcreaterole OR p.rolcreatedb OR p.rolreplication OR p.rolbypassrls)
 UNION ALL
SELECT 'high', 'pooler_role', NULL, quote_ident(g.rolname), quote_ident(p.rolname),
       'The login of a pooler is a member of a role.',
       format('REVOKE %I FROM %I', g.rolname, p.rolname)
       || CASE WHEN current_setting('server_version_num')::int >= 160000
               THEN format(' GRANTED BY %s', m.grantor::regrole) ELSE '' END || ' CASCADE'
  FROM pg_catalog.pg_auth_members m
  JOIN pg_catalog.pg_authid p ON p.oid = m.member AND p.rolname = ')sql" POOLER_ROLE R"sql('
  JOIN pg_catalog.pg_authid g ON g.oid = m.roleid
 WHERE $1 IS NULL
)sql";

std::span<Rule>
role_rules()
{
    static Rule rules[] = {{{attributes}, true}, {{memberships}, true}, {{outsiders}, false},
                           {{labels}, true},     {{parameters}, true},  {{tablespaces}, true},
                           {{elsewhere}, false}, {{pooler}, true}};

    return rules;
}

} // namespace appinfra::exposure
