/* Rules about databases, their privileges, limits and settings, and secrets in shared catalogs. See
 * rules.hpp. */
#include "exposure/rules.hpp"

#include "base/identifiers.hpp"
#include "exposure/sql.hpp"
#include "registry/grants.hpp"
#include "registry/login_settings.hpp"

namespace appinfra::exposure
{

static constexpr char public_databases[] = WITH_TENANT_ROLES_AND_DATABASES R"sql(
SELECT CASE WHEN b.kind = 'tenant' THEN 'high'
            WHEN b.kind IS NOT NULL OR d.datname = 'template1' THEN 'medium'
            WHEN d.datname = current_database() THEN 'medium'
            WHEN bool_or(a.privilege_type = 'CREATE') THEN 'medium' ELSE 'notice' END,
       'database_public', d.datname, quote_ident(d.datname), 'PUBLIC',
       format('Everybody has %s.', string_agg(a.privilege_type, ', ' ORDER BY a.privilege_type)),
       format('REVOKE %s ON DATABASE %I FROM PUBLIC',
              string_agg(a.privilege_type, ', ' ORDER BY a.privilege_type), d.datname)
  FROM pg_catalog.pg_database d
 CROSS JOIN aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a
  LEFT JOIN base b ON b.oid = d.oid
 WHERE a.grantee = 0 AND (d.datallowconn OR b.kind = 'tenant')
   AND ($1 IS NULL OR b.db_id IS NULL OR b.db_id IN ('-', $1))
 GROUP BY d.datname, b.kind
)sql";

static constexpr char grants[] = WITH_TENANT_ROLES_AND_DATABASES R"sql(
SELECT 'high', 'database_grant', x.datname, quote_ident(x.datname), quote_ident(x.rolname),
       CASE WHEN x.of_tenant IS DISTINCT FROM x.db_id
            THEN format('A tenant''s role has %s on a database that is not the tenant''s.', x.list)
            ELSE format('The role has %s, which is more than a tenant''s role is to have.', x.list)
       END,
       format('REVOKE %s ON DATABASE %I FROM %I CASCADE', x.list, x.datname, x.rolname)
  FROM (SELECT d.datname, r.rolname, r.db_id, b.db_id AS of_tenant,
               string_agg(a.privilege_type, ', ' ORDER BY a.privilege_type) AS list
          FROM pg_catalog.pg_database d
          LEFT JOIN base b ON b.oid = d.oid
         CROSS JOIN aclexplode(d.datacl) a
          JOIN role r ON r.oid = a.grantee
         WHERE a.grantee <> d.datdba AND ($1 IS NULL OR r.db_id = $1)
           AND (b.db_id IS DISTINCT FROM r.db_id OR (r.kind, r.access, a.privilege_type) NOT IN (
                )sql" TENANT_GRANTS_SQL R"sql())
         GROUP BY d.datname, r.rolname, r.db_id, b.db_id) x
 UNION ALL
SELECT 'high', 'database_grant', d.datname, quote_ident(d.datname), quote_ident(r.rolname),
       format('The role may give %s to others.', a.privilege_type),
       format('REVOKE GRANT OPTION FOR %s ON DATABASE %I FROM %I CASCADE', a.privilege_type,
              d.datname, r.rolname)
  FROM pg_catalog.pg_database d CROSS JOIN aclexplode(d.datacl) a
  JOIN role r ON r.oid = a.grantee
 WHERE a.is_grantable AND a.grantee <> d.datdba AND ($1 IS NULL OR r.db_id = $1)
)sql";

static constexpr char others[] = WITH_TENANT_ROLES_AND_DATABASES R"sql(
SELECT 'notice', 'database_outsider', b.datname, quote_ident(b.datname), quote_ident(o.rolname),
       format('A role that is no tenant''s has %s on a tenant''s database.',
              string_agg(a.privilege_type, ', ' ORDER BY a.privilege_type)),
       format('REVOKE ALL ON DATABASE %I FROM %I CASCADE', b.datname, o.rolname)
  FROM base b CROSS JOIN aclexplode(b.datacl) a
  JOIN pg_catalog.pg_authid o ON o.oid = a.grantee
 WHERE b.kind = 'tenant' AND a.grantee <> b.datdba AND a.grantee NOT IN (SELECT oid FROM role)
   AND (o.rolname, a.privilege_type) <> (')sql" POOLER_ROLE R"sql(', 'CONNECT')
   AND ($1 IS NULL OR b.db_id = $1)
 GROUP BY b.datname, o.rolname
)sql";

/* Missing parts of a tenant's shape, as harden_tenant() makes it. */
static constexpr char shape[] = WITH_TENANT_ROLES_AND_DATABASES R"sql(
, granted (kind, access, privilege) AS (VALUES )sql" TENANT_GRANTS_SQL R"sql(),
wanted AS (
    SELECT t.db_id, t.database, )sql" SQL_GROUP_ROLE("t.database", "g.access") R"sql(::name AS role,
           g.privilege
      FROM appinfra.tenant t JOIN granted g ON g.kind = 'group'
     WHERE t.status IN ('ready', 'revoked', 'retained')
    UNION ALL
    SELECT t.db_id, t.database, c.role_name, g.privilege FROM appinfra.credential c
      JOIN appinfra.tenant t USING (db_id) JOIN granted g ON g.kind = 'login'
       AND g.access = c.access WHERE c.state IN ('waiting', 'active', 'retiring')
    UNION ALL
    SELECT t.db_id, t.database, ')sql" POOLER_ROLE R"sql(', 'CONNECT'
      FROM appinfra.tenant t WHERE t.status IN ('ready', 'revoked', 'retained'))
SELECT 'medium', 'database_grant_missing', w.database::text, quote_ident(w.database),
       quote_ident(w.role), format('The role lacks %s.', string_agg(w.privilege, ', ')),
       format('SELECT appinfra.harden_tenant(%L)', w.db_id)
  FROM wanted w JOIN pg_catalog.pg_database d ON d.datname = w.database
  JOIN pg_catalog.pg_authid a ON a.rolname = w.role
 WHERE ($1 IS NULL OR w.db_id = $1) AND NOT EXISTS (
       SELECT FROM aclexplode(d.datacl) x
        WHERE x.grantee = a.oid AND x.privilege_type = w.privilege)
 GROUP BY w.db_id, w.database, w.role
 UNION ALL
SELECT 'medium', 'database_label', t.database::text, quote_ident(t.database), NULL,
       'The label does not say whose database it is: its logins are refused.',
       format('SELECT appinfra.harden_tenant(%L)', t.db_id)
  FROM appinfra.tenant t JOIN pg_catalog.pg_database d ON d.datname = t.database
  LEFT JOIN base b ON b.oid = d.oid
 WHERE t.status IN ('ready', 'revoked', 'retained') AND b.db_id IS NULL
   AND ($1 IS NULL OR t.db_id = $1)
 UNION ALL
SELECT 'medium', 'hardening', t.database::text, quote_ident(t.database), NULL,
       format('It has hardening %s; new ones get %s.', t.hardening, n.hardening),
       format('SELECT appinfra.harden_tenant(%L)', t.db_id)
  FROM appinfra.tenant t CROSS JOIN appinfra.template n
 WHERE t.status IN ('ready', 'revoked', 'retained') AND t.hardening < n.hardening
   AND ($1 IS NULL OR t.db_id = $1)
   AND EXISTS (SELECT FROM pg_catalog.pg_database d WHERE d.datname = t.database)
 UNION ALL
SELECT 'medium', 'database_missing', NULL, quote_ident(t.database), NULL,
       'The registry has a database that the host lacks.',
       format('SELECT appinfra.deprovision_tenant(%L, %L)', t.db_id, '0')
  FROM appinfra.tenant t
 WHERE t.status IN ('ready', 'revoked') AND ($1 IS NULL OR t.db_id = $1)
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_database d WHERE d.datname = t.database)
)sql";

static constexpr char properties[] = WITH_TENANT_ROLES_AND_DATABASES R"sql(
SELECT v.severity, v.rule, b.datname, quote_ident(b.datname), v.grantee, v.detail, v.remedy
  FROM base b JOIN pg_catalog.pg_authid o ON o.oid = b.datdba
  LEFT JOIN appinfra.tenant t ON t.db_id = b.db_id
 CROSS JOIN LATERAL (
       SELECT coalesce(t.connection_limit,
                       current_setting('appinfra.tenant_connection_limit')::int) AS connections,
              CASE WHEN t.connection_limit IS NULL THEN 'appinfra.tenant_connection_limit'
                   ELSE 'that of appinfra.databases' END AS source) s
 CROSS JOIN LATERAL (VALUES
       (NOT o.rolsuper, CASE WHEN o.oid IN (SELECT oid FROM role) THEN 'critical' ELSE 'high' END,
        'database_owner', quote_ident(o.rolname),
        'The owner is no superuser: it can open, lock or drop the database.',
        format('ALTER DATABASE %I OWNER TO %I', b.datname,
               (SELECT rolname FROM pg_catalog.pg_authid WHERE oid = 10))),
       (b.datconnlimit = -1 AND s.connections <> -1 AND b.kind <> 'template', 'medium',
        'connection_limit', NULL, 'The tenant may take all connections of the host.',
        format('ALTER DATABASE %I CONNECTION LIMIT %s', b.datname, s.connections)),
       (b.datconnlimit > s.connections AND s.connections <> -1, 'notice', 'connection_limit', NULL,
        format('The limit of connections is %s; %s is %s.', b.datconnlimit, s.source,
               s.connections),
        format('ALTER DATABASE %I CONNECTION LIMIT %s', b.datname, s.connections)),
       (b.datistemplate AND b.kind = 'tenant', 'high', 'template_flag', NULL,
        'Whoever may create databases can copy the tenant''s.',
        format('ALTER DATABASE %I IS_TEMPLATE false', b.datname))
       ) v (found, severity, rule, grantee, detail, remedy)
 WHERE v.found AND ($1 IS NULL OR b.db_id IN ('-', $1))
)sql";

static constexpr char owned[] = WITH_TENANT_ROLES_AND_DATABASES R"sql(
SELECT 'high', 'database_owner', d.datname, quote_ident(d.datname), quote_ident(r.rolname),
       'A tenant''s role owns a database that is not the tenant''s.',
       format('ALTER DATABASE %I OWNER TO %I', d.datname,
              (SELECT rolname FROM pg_catalog.pg_authid WHERE oid = 10))
  FROM pg_catalog.pg_database d JOIN role r ON r.oid = d.datdba
 WHERE d.oid NOT IN (SELECT oid FROM base) AND ($1 IS NULL OR r.db_id = $1)
)sql";

/* Settings that tenants' sessions start with, but for those we have set. */
static constexpr char settings_of_sessions[] = WITH_TENANT_ROLES_AND_DATABASES R"sql(
SELECT CASE WHEN x.name = ANY ()sql" HIJACKING_SETTINGS R"sql() THEN 'high'
            WHEN x.name ~ '^max_parallel_workers' THEN 'medium' ELSE 'notice' END,
       'session_setting', NULL, x.name, quote_ident(r.rolname),
       format(CASE WHEN x.name = ANY ()sql" HIJACKING_SETTINGS R"sql()
                   THEN 'It is set for %s: whoever has set it decides what the sessions do.'
                   ELSE 'It is set for %s, and none of those that appinfra sets, or another value.'
                   END,
              CASE WHEN s.setdatabase = 0 AND s.setrole = 0 THEN 'all roles'
                   ELSE concat_ws(' in ', 'role ' || quote_ident(r.rolname),
                                  'database ' || quote_ident(d.datname)) END),
       CASE WHEN s.setdatabase = 0 AND s.setrole = 0
            THEN format('ALTER ROLE ALL RESET %s', x.quoted)
            WHEN s.setrole = 0 THEN format('ALTER DATABASE %I RESET %s', d.datname, x.quoted)
            WHEN s.setdatabase = 0 AND x.name = ANY ()sql" OWN_SETTINGS R"sql() AND r.kind = 'login'
             AND (x.name <> 'default_transaction_read_only' OR r.access = 'reader')
            THEN format('SELECT appinfra.harden_tenant(%L)', r.db_id)
            WHEN s.setdatabase = 0 THEN format('ALTER ROLE %I RESET %s', r.rolname, x.quoted)
            ELSE format('ALTER ROLE %I IN DATABASE %I RESET %s', r.rolname, d.datname, x.quoted) END
  FROM pg_catalog.pg_db_role_setting s
 CROSS JOIN unnest(s.setconfig) c
 CROSS JOIN LATERAL (SELECT split_part(c, '=', 1) AS name, substr(c, strpos(c, '=') + 1) AS value,
                            substring(c from '=([0-9]{1,6})$')::int AS number,
                            )sql" SETTING_NAME("split_part(c, '=', 1)") R"sql( AS quoted) x
  LEFT JOIN role r ON r.oid = s.setrole
  LEFT JOIN base b ON b.oid = s.setdatabase
  LEFT JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase
 CROSS JOIN (SELECT current_setting('appinfra.tenant_parallel_workers')::int
                    AS workers) p
 WHERE (r.kind = 'group' OR r.rolcanlogin OR (s.setrole = 0 AND b.oid IS NOT NULL)
        OR (s.setrole = 0 AND s.setdatabase = 0 AND x.name = ANY ()sql" HIJACKING_SETTINGS R"sql()))
   AND ($1 IS NULL OR coalesce(r.db_id, b.db_id, $1) = $1)
   AND NOT (s.setdatabase <> 0 AND b.db_id = r.db_id AND EXISTS (SELECT -- by tenant_set()
           FROM pg_catalog.pg_db_role_setting k JOIN role g ON g.oid = k.setrole
          WHERE k.setdatabase = s.setdatabase AND g.db_id = r.db_id AND g.kind = 'group'
            AND g.access = 'owner' AND c = ANY (k.setconfig)))
   AND NOT (coalesce(r.kind, '') = 'login' AND s.setdatabase = 0 AND CASE x.name
            WHEN 'role' THEN EXISTS (SELECT FROM role g WHERE g.rolname = x.value
                 AND g.kind = 'group' AND g.db_id = r.db_id AND g.access = r.access)
            WHEN 'default_transaction_read_only' THEN r.access = 'reader'
            WHEN 'max_parallel_workers' THEN x.number <= p.workers
            WHEN 'max_parallel_workers_per_gather' THEN x.number <= p.workers
            ELSE x.name IN ('statement_timeout', 'idle_in_transaction_session_timeout',
                            'temp_file_limit') END)
)sql";

static constexpr char settings_missing[] = R"sql(
SELECT 'medium', 'session_setting_missing', NULL, string_agg(n.name, ', '), quote_ident(a.rolname),
       'The login''s sessions do not start with what appinfra sets.',
       format('SELECT appinfra.harden_tenant(%L)', c.db_id)
  FROM appinfra.credential c JOIN pg_catalog.pg_authid a ON a.rolname = c.role_name
  LEFT JOIN pg_catalog.pg_db_role_setting s ON s.setrole = a.oid AND s.setdatabase = 0
 CROSS JOIN unnest()sql" OWN_SETTINGS R"sql() n (name)
 WHERE c.state IN ('waiting', 'active', 'retiring') AND ($1 IS NULL OR c.db_id = $1)
   AND (n.name <> 'default_transaction_read_only' OR c.access = 'reader')
   AND NOT EXISTS (SELECT FROM unnest(s.setconfig) x WHERE split_part(x, '=', 1) = n.name)
 GROUP BY c.db_id, a.rolname
 UNION ALL
SELECT 'medium', 'session_setting_missing', NULL, string_agg(split_part(x, '=', 1), ', '),
       quote_ident(a.rolname), 'The login''s sessions do not start with what the tenant has set.',
       format('SELECT appinfra.harden_tenant(%L)', c.db_id)
  FROM (SELECT s.setdatabase, s.setconfig, )sql" LABEL_DB_ID("l.label") R"sql( AS db_id
          FROM (SELECT * FROM pg_catalog.pg_db_role_setting WHERE setdatabase <> 0 OFFSET 0) s
          JOIN pg_catalog.pg_shseclabel l ON l.objoid = s.setrole AND l.provider = 'appinfra'
           AND l.classoid = 'pg_catalog.pg_authid'::regclass AND l.label LIKE '% group owner'
        OFFSET 0) s -- few, so they come first
  JOIN appinfra.credential c USING (db_id) JOIN pg_catalog.pg_authid a ON a.rolname = c.role_name
 CROSS JOIN unnest(s.setconfig) x
 WHERE c.state IN ('waiting', 'active', 'retiring') AND ($1 IS NULL OR c.db_id = $1)
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_db_role_setting o WHERE o.setrole = a.oid
                      AND o.setdatabase = s.setdatabase AND x = ANY (o.setconfig))
 GROUP BY c.db_id, a.rolname
)sql";

/* Everyone can read the settings of databases and roles, and comments on what is shared. */
static constexpr char secrets[] = R"sql(
SELECT 'high', 'secret', NULL, split_part(c, '=', 1), quote_ident(a.rolname),
       'Every login of the host can read what looks like a secret in a setting of a database or role.',
       CASE WHEN s.setdatabase = 0 AND s.setrole = 0 THEN 'ALTER ROLE ALL'
            WHEN s.setrole = 0 THEN format('ALTER DATABASE %I', d.datname)
            WHEN s.setdatabase = 0 THEN format('ALTER ROLE %I', a.rolname)
            ELSE format('ALTER ROLE %I IN DATABASE %I', a.rolname, d.datname) END
       || ' RESET ' || )sql" SETTING_NAME("split_part(c, '=', 1)") R"sql(
  FROM pg_catalog.pg_db_role_setting s CROSS JOIN unnest(s.setconfig) c
  LEFT JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase
  LEFT JOIN pg_catalog.pg_authid a ON a.oid = s.setrole
 WHERE substr(c, strpos(c, '=') + 1) ~* )sql" SECRET_VALUE R"sql(
    OR (split_part(c, '=', 1) ~ '\.' AND split_part(c, '=', 1) ~* )sql" SECRET_NAME R"sql(
        AND substr(c, strpos(c, '=') + 1) <> '')
 UNION ALL
SELECT 'high', 'secret', NULL, i.identity, NULL,
       'Every login of the host can read what looks like a secret in a comment.',
       format('COMMENT ON %s %s IS NULL', upper(i.type), i.identity)
  FROM pg_catalog.pg_shdescription s
 CROSS JOIN LATERAL pg_identify_object(s.classoid, s.objoid, 0) i
 WHERE s.description ~* )sql" SECRET_VALUE;

/* Only a registry of an older release can have such a database: claims are refused today. */
static constexpr char app_owners[] = R"sql(
SELECT 'high', 'app_owner', t.database, a.app_id, t.owner_user_id,
       format('The database is %s''s, but its variables are published into an app of %s.',
              t.owner_user_id, a.owner_user_id),
       format('SELECT appinfra.deprovision_tenant(%L) -- or appinfra.transfer_app()', t.db_id)
  FROM appinfra.tenant t JOIN appinfra.apps a USING (app_id)
 WHERE t.status <> 'dropped' AND t.owner_user_id <> a.owner_user_id
   AND ($1 IS NULL OR t.db_id = $1)
)sql";

std::span<Rule>
database_rules()
{
    static Rule rules[] = {{{public_databases}, true},
                           {{grants}, true},
                           {{others}, false},
                           {{shape}, false},
                           {{properties}, false},
                           {{owned}, false},
                           {{settings_of_sessions}, false},
                           {{settings_missing}, false},
                           {{secrets}, false},
                           {{app_owners}, false}};

    return rules;
}

} // namespace appinfra::exposure
