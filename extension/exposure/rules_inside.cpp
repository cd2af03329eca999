/*
 * Rules inside a tenant's database. See rules_inside.hpp.
 *
 * The tenant is an enemy: nothing here calls a function, an operator, a cast or a view that is not
 * PostgreSQL's own, and all of it runs in a read-only transaction with search_path pinned.
 */
#include "exposure/rules_inside.hpp"

#include "base/identifiers.hpp"
#include "exposure/sql.hpp"
#include "guard/pooler.hpp"

namespace appinfra::exposure
{

#define FROM_PUBLIC_AND_TENANTS                                                                    \
    "LEFT JOIN role r ON r.oid = a.grantee WHERE (a.grantee = 0 OR r.oid IS NOT NULL) "

/* By source, like the guard: an alias of such a function is one as well. */
static constexpr char functions[] = WITH_TENANT_ROLES R"sql(
SELECT 'high', 'function_grant', current_database()::text, p.oid::regprocedure::text,
       )sql" GRANTEE("a.grantee", "r.rolname") R"sql(,
       'No tenant may execute it: only the guard refuses it now.',
       format('REVOKE ALL ON ROUTINE %s FROM %s CASCADE', p.oid::regprocedure,
              )sql" GRANTEE("a.grantee", "r.rolname") R"sql()
  FROM ONLY pg_catalog.pg_proc p JOIN ONLY pg_catalog.pg_language l ON l.oid = p.prolang
 CROSS JOIN aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
 )sql" FROM_PUBLIC_AND_TENANTS R"sql(
   AND l.lanname IN ('internal', 'c') AND p.prosrc = ANY ($1) AND a.grantee <> p.proowner
)sql";

/*
 * Whatever runs with a superuser's rights, or in the server itself, and is no extension's. An
 * aggregate is what its functions are; the constructors of a range type are the server's own.
 */
static constexpr char dangerous_code[] = WITH_TENANT_ROLES R"sql(
, suspect AS (
    SELECT p.*, o.rolsuper AS by_superuser, l.lanpltrusted AS is_trusted,
           EXISTS (SELECT FROM role r WHERE r.oid = p.proowner) AS is_tenants
      FROM ONLY pg_catalog.pg_proc p JOIN ONLY pg_catalog.pg_language l ON l.oid = p.prolang
      JOIN ONLY pg_catalog.pg_authid o ON o.oid = p.proowner
     WHERE p.oid >= 16384 AND (NOT l.lanpltrusted OR p.prosecdef) AND p.prokind <> 'a'
       AND NOT (l.lanname = 'internal' AND p.prosrc ~ '^(multi)?range_constructor[0-9]$')
       AND NOT (p.pronamespace = 'pg_catalog'::regnamespace AND p.proname ~ '^tenant_')
       AND NOT EXISTS (SELECT FROM ONLY pg_catalog.pg_depend d WHERE d.classid = 'pg_proc'::regclass
                          AND d.objid = p.oid AND d.deptype = 'e'))
SELECT 'high', 'untrusted_function', current_database()::text, p.oid::regprocedure::text,
       p.proowner::regrole::text, 'A tenant''s role owns a function that runs in the server without limits. The remedy drops it.',
       format('DROP ROUTINE %s', p.oid::regprocedure)
  FROM suspect p WHERE is_tenants AND NOT is_trusted
 UNION ALL
SELECT CASE WHEN p.by_superuser OR NOT p.is_trusted THEN 'high' ELSE 'medium' END,
       CASE WHEN p.is_trusted THEN 'definer_function' ELSE 'untrusted_function' END,
       current_database()::text, p.oid::regprocedure::text,
       )sql" GRANTEE("a.grantee", "r.rolname") R"sql(,
       CASE WHEN p.is_trusted THEN format('It runs with the rights of %s, whoever calls it.',
                                          p.proowner::regrole)
            ELSE 'It runs in the server without limits, whoever calls it.' END,
       format('REVOKE ALL ON ROUTINE %s FROM %s CASCADE', p.oid::regprocedure,
              )sql" GRANTEE("a.grantee", "r.rolname") R"sql()
  FROM suspect p CROSS JOIN aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
 )sql" FROM_PUBLIC_AND_TENANTS R"sql(
   AND NOT p.is_tenants AND p.prosrc <> ALL ($1)
)sql";

static constexpr char languages[] = WITH_TENANT_ROLES R"sql(
SELECT 'critical', 'language', current_database()::text, quote_ident(l.lanname),
       )sql" GRANTEE("a.grantee", "r.rolname") R"sql(,
       'Functions in this language run in the server without limits, and it is marked as trusted.',
       format('REVOKE ALL ON LANGUAGE %I FROM %s CASCADE', l.lanname,
              )sql" GRANTEE("a.grantee", "r.rolname") R"sql()
  FROM ONLY pg_catalog.pg_language l
 CROSS JOIN aclexplode(coalesce(l.lanacl, acldefault('l', l.lanowner))) a
 )sql" FROM_PUBLIC_AND_TENANTS R"sql(
   AND l.lanpltrusted AND l.lanname ~ '^(c|internal|plpython[23]?u|plperlu|pltclu)$'
 UNION ALL
SELECT 'high', 'language_owner', current_database()::text, quote_ident(l.lanname),
       quote_ident(r.rolname), 'A tenant''s role owns a language.',
       format('ALTER LANGUAGE %I OWNER TO %I', l.lanname,
              (SELECT rolname FROM ONLY pg_catalog.pg_authid WHERE oid = 10))
  FROM ONLY pg_catalog.pg_language l JOIN role r ON r.oid = l.lanowner
  LEFT JOIN ONLY pg_catalog.pg_depend d ON d.classid = 'pg_language'::regclass AND d.objid = l.oid
   AND d.deptype = 'e'
 WHERE d.objid IS NULL
)sql";

/*
 * Not allowed, and neither appinfra's nor there from the beginning. A tool of the host's, a
 * superuser's in a schema of superusers, is milder: its functions are closed to tenants.
 */
static constexpr char extensions[] = R"sql(
SELECT CASE WHEN e.extname ~ '^(plpython[23]?u|plperlu|pltclu|dblink|postgres_fdw|file_fdw|adminpack|pageinspect|pg_read_)'
            THEN 'high'
            WHEN o.rolsuper AND n.nspowner IN (SELECT oid FROM ONLY pg_catalog.pg_authid WHERE rolsuper)
             AND NOT EXISTS (SELECT FROM aclexplode(n.nspacl) a
                              WHERE a.privilege_type = 'CREATE' AND a.grantee <> n.nspowner)
            THEN 'notice' ELSE 'medium' END,
       'extension', current_database()::text, quote_ident(e.extname),
       e.extowner::regrole::text,
       'The extension is not in appinfra.allowed_extensions.',
       format('DROP EXTENSION %I', e.extname)
  FROM ONLY pg_catalog.pg_extension e JOIN ONLY pg_catalog.pg_authid o ON o.oid = e.extowner
  JOIN ONLY pg_catalog.pg_namespace n ON n.oid = e.extnamespace
 WHERE e.extname <> 'plpgsql' AND $2 IS NOT NULL AND $1 IS NOT NULL
   AND e.extname <> ALL (regexp_split_to_array($2, '[,\s]+'))
)sql";

static constexpr char foreign_data[] = WITH_TENANT_ROLES R"sql(
, thing AS (
    SELECT 'FOREIGN DATA WRAPPER' AS kind, fdwname AS name, fdwowner AS owner, fdwacl AS acl, 'F'::"char" AS type
      FROM ONLY pg_catalog.pg_foreign_data_wrapper
    UNION ALL
    SELECT 'FOREIGN SERVER', srvname, srvowner, srvacl, 'S' FROM ONLY pg_catalog.pg_foreign_server)
SELECT 'high', 'foreign_server', current_database()::text, quote_ident(t.name),
       )sql" GRANTEE("a.grantee", "r.rolname") R"sql(,
       format('Tenants may use the %s.', lower(t.kind)),
       format('REVOKE ALL ON %s %I FROM %s CASCADE', t.kind, t.name,
              )sql" GRANTEE("a.grantee", "r.rolname") R"sql()
  FROM thing t CROSS JOIN aclexplode(coalesce(t.acl, acldefault(t.type, t.owner))) a
 )sql" FROM_PUBLIC_AND_TENANTS R"sql( AND a.grantee <> t.owner
 UNION ALL
SELECT 'high', 'foreign_server', current_database()::text, quote_ident(t.name),
       quote_ident(r.rolname), format('A tenant''s role owns the %s.', lower(t.kind)),
       format('ALTER %s %I OWNER TO %I', replace(t.kind, 'FOREIGN SERVER', 'SERVER'), t.name,
              (SELECT rolname FROM ONLY pg_catalog.pg_authid WHERE oid = 10))
  FROM thing t JOIN role r ON r.oid = t.owner
 UNION ALL
SELECT 'high', 'user_mapping', current_database()::text, quote_ident(s.srvname),
       )sql" GRANTEE("u.umuser", "r.rolname") R"sql(,
       'Tenants log in to another server with it. The remedy drops it.',
       format('DROP USER MAPPING FOR %s SERVER %I', )sql" GRANTEE("u.umuser", "r.rolname") R"sql(,
              s.srvname)
  FROM ONLY pg_catalog.pg_user_mapping u JOIN ONLY pg_catalog.pg_foreign_server s ON s.oid = u.umserver
  LEFT JOIN role r ON r.oid = u.umuser WHERE u.umuser = 0 OR r.oid IS NOT NULL
 UNION ALL
SELECT 'high', 'foreign_table', current_database()::text, c.oid::regclass::text,
       )sql" GRANTEE("a.grantee", "r.rolname") R"sql(,
       'Tenants reach files or other servers by it.' ||
       CASE WHEN a.grantee = c.relowner THEN ' The remedy drops it.' ELSE '' END,
       CASE WHEN a.grantee = c.relowner THEN format('DROP FOREIGN TABLE %s', c.oid::regclass)
            ELSE format('REVOKE ALL ON TABLE %s FROM %s CASCADE', c.oid::regclass,
                        )sql" GRANTEE("a.grantee", "r.rolname") R"sql() END
  FROM ONLY pg_catalog.pg_class c
 CROSS JOIN LATERAL (SELECT DISTINCT x.grantee
                       FROM aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) x) a
 )sql" FROM_PUBLIC_AND_TENANTS R"sql( AND c.relkind = 'f'
 UNION ALL
SELECT 'medium', 'secret', current_database()::text, quote_ident(s.srvname), NULL,
       'Every login of the tenant can read what looks like a secret in an option of the server.',
       format('ALTER SERVER %I OPTIONS (DROP %I)', s.srvname, split_part(o, '=', 1))
  FROM ONLY pg_catalog.pg_foreign_server s CROSS JOIN unnest(s.srvoptions) o
 WHERE o ~* )sql" SECRET_VALUE;

/* Privileges on the catalogs that PostgreSQL and hardening have not given. */
static constexpr char catalogs[] = WITH_TENANT_ROLES R"sql(
SELECT CASE a.privilege_type WHEN 'SELECT' THEN 'high' ELSE 'critical' END, 'catalog_grant',
       current_database()::text, c.oid::regclass::text, )sql" GRANTEE("a.grantee",
                                                                      "r.rolname") R"sql(,
       format('%s on a system catalog.', a.privilege_type),
       format('REVOKE %s ON %s FROM %s CASCADE', a.privilege_type, c.oid::regclass,
              )sql" GRANTEE("a.grantee", "r.rolname") R"sql()
  FROM ONLY pg_catalog.pg_class c CROSS JOIN aclexplode(c.relacl) a
 )sql" FROM_PUBLIC_AND_TENANTS R"sql(
   AND (c.relnamespace = 'pg_catalog'::regnamespace OR a.privilege_type <> 'SELECT')
   AND c.relnamespace IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
   AND NOT EXISTS (SELECT FROM ONLY pg_catalog.pg_init_privs i CROSS JOIN aclexplode(i.initprivs) b
                    WHERE i.classoid = 'pg_class'::regclass AND i.objoid = c.oid
                      AND i.objsubid = 0 AND b.grantee = a.grantee
                      AND b.privilege_type = a.privilege_type)
 UNION ALL
SELECT CASE a.privilege_type WHEN 'SELECT' THEN 'high' ELSE 'critical' END, 'catalog_grant',
       current_database()::text, format('%s.%I', t.attrelid::regclass, t.attname),
       )sql" GRANTEE("a.grantee", "r.rolname") R"sql(,
       format('%s on a column of a system catalog.', a.privilege_type),
       format('REVOKE %s (%I) ON %s FROM %s CASCADE', a.privilege_type, t.attname,
              t.attrelid::regclass, )sql" GRANTEE("a.grantee", "r.rolname") R"sql()
  FROM ONLY pg_catalog.pg_attribute t JOIN ONLY pg_catalog.pg_class c ON c.oid = t.attrelid
 CROSS JOIN aclexplode(t.attacl) a
 )sql" FROM_PUBLIC_AND_TENANTS R"sql(
   AND (c.relnamespace = 'pg_catalog'::regnamespace OR a.privilege_type <> 'SELECT')
   AND c.relnamespace IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
   AND NOT EXISTS (SELECT FROM ONLY pg_catalog.pg_init_privs i CROSS JOIN aclexplode(i.initprivs) b
                    WHERE i.classoid = 'pg_class'::regclass AND i.objoid = c.oid
                      AND i.objsubid = t.attnum AND b.grantee = a.grantee
                      AND b.privilege_type = a.privilege_type)
 UNION ALL
SELECT 'critical', 'catalog_grant', current_database()::text, quote_ident(n.nspname),
       )sql" GRANTEE("a.grantee", "r.rolname") R"sql(,
       'CREATE on a schema of the system.',
       format('REVOKE CREATE ON SCHEMA %I FROM %s CASCADE', n.nspname,
              )sql" GRANTEE("a.grantee", "r.rolname") R"sql()
  FROM ONLY pg_catalog.pg_namespace n CROSS JOIN aclexplode(n.nspacl) a
 )sql" FROM_PUBLIC_AND_TENANTS R"sql(
   AND a.privilege_type = 'CREATE' AND n.nspname IN ('pg_catalog', 'information_schema')
)sql";

static constexpr char event_triggers[] = R"sql(
SELECT 'critical', 'event_trigger', current_database()::text, quote_ident(t.evtname),
       p.proowner::regrole::text,
       'Code that is no superuser''s runs in the session of whoever changes something here.',
       format('ALTER EVENT TRIGGER %I DISABLE', t.evtname)
  FROM ONLY pg_catalog.pg_event_trigger t JOIN ONLY pg_catalog.pg_proc p ON p.oid = t.evtfoid
  JOIN ONLY pg_catalog.pg_authid o ON o.oid = p.proowner
 WHERE t.evtenabled <> 'D' AND NOT o.rolsuper
)sql";

static constexpr char row_security[] = R"sql(
SELECT 'notice', 'row_security', current_database()::text, c.oid::regclass::text,
       c.relowner::regrole::text,
       'Its row-level security does not bind its owner, as whom DATABASE_URL enters.',
       format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', c.oid::regclass)
  FROM ONLY pg_catalog.pg_class c JOIN ONLY pg_catalog.pg_authid o ON o.oid = c.relowner
 WHERE c.relrowsecurity AND NOT c.relforcerowsecurity AND c.relkind IN ('r', 'p')
   AND o.rolname = $3
)sql";

static constexpr char hardening[] = WITH_TENANT_ROLES R"sql(
, own AS (
    SELECT )sql" LABEL_DB_ID("l.label") R"sql( AS db_id FROM ONLY pg_catalog.pg_shseclabel l
      JOIN ONLY pg_catalog.pg_database d ON d.oid = l.objoid
     WHERE l.classoid = 'pg_database'::regclass AND l.provider = 'appinfra'
       AND d.datname = current_database()),
grp AS (SELECT r.* FROM role r JOIN own USING (db_id) WHERE r.kind = 'group'),
missing AS (
    SELECT 1 AS place, 'the function ' || f.name AS what
      FROM (VALUES ('tenant_sessions', ''), ('tenant_cancel_session', 'integer'),
                   ('tenant_terminate_session', 'integer'), ('tenant_statements', ''),
                   ('tenant_extensions', ''), ('tenant_set', 'text, text'),
                   ('tenant_reset', 'text')) f (name, arguments)
     WHERE NOT EXISTS (SELECT FROM ONLY pg_catalog.pg_proc p
            WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.proname = f.name
              AND p.proowner = 10 AND oidvectortypes(p.proargtypes) = f.arguments
              AND p.prosrc = 'appinfra_' || f.name AND p.probin = '$libdir/appinfra'
              AND p.prosecdef = (f.name ~ '_session$'))
    UNION ALL
    SELECT 1, 'the function ' || ')sql" POOLER_FUNCTION R"sql(' WHERE NOT EXISTS (
           SELECT FROM ONLY pg_catalog.pg_proc p
             LEFT JOIN ONLY pg_catalog.pg_authid o ON o.rolname = ')sql" POOLER_ROLE R"sql('
            WHERE p.oid = to_regprocedure('pg_catalog.)sql" POOLER_FUNCTION R"sql((text)')
              AND p.proowner = 10 AND p.proisstrict
              AND p.prosrc = ')sql" POOLER_FUNCTION R"sql(' AND p.probin = '$libdir/appinfra'
              AND NOT p.prosecdef AND (o.oid IS NULL OR EXISTS (
                  SELECT FROM aclexplode(p.proacl) a WHERE a.grantee = o.oid)))
    UNION ALL
    SELECT 2, format('%s on schema public for %s', x.privilege, g.rolname)
      FROM ONLY pg_catalog.pg_namespace n CROSS JOIN grp g
     CROSS JOIN (VALUES ('USAGE'), ('CREATE')) x (privilege)
     WHERE n.nspname = 'public' AND (g.access = 'owner' OR x.privilege = 'USAGE')
       AND NOT EXISTS (SELECT FROM aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a
                        WHERE a.grantee = g.oid AND a.privilege_type = x.privilege)
    UNION ALL
    SELECT 3, format('default privileges: %s for %s', x.privilege, g.rolname)
      FROM grp o CROSS JOIN (VALUES ('n', 'USAGE', 'writer reader service'),
           ('r', 'SELECT', 'writer reader service'), ('r', 'INSERT', 'writer service'),
           ('r', 'UPDATE', 'writer service'), ('r', 'DELETE', 'writer service'),
           ('r', 'TRUNCATE', 'writer service'), ('S', 'SELECT', 'writer reader service'),
           ('S', 'USAGE', 'writer service'), ('S', 'UPDATE', 'writer service'))
           x (type, privilege, accesses)
      JOIN grp g ON g.access = ANY (string_to_array(x.accesses, ' '))
     WHERE o.access = 'owner' AND NOT EXISTS (
           SELECT FROM ONLY pg_catalog.pg_default_acl d CROSS JOIN aclexplode(d.defaclacl) a
            WHERE d.defaclrole = o.oid AND d.defaclnamespace = 0 AND d.defaclobjtype = x.type::"char"
              AND a.grantee = g.oid AND a.privilege_type = x.privilege))
SELECT 'medium', 'hardening', current_database()::text, NULL, NULL,
       format('Something of a tenant''s shape is missing: %s%s.',
              (SELECT string_agg(what, ', ') FROM (SELECT what FROM missing ORDER BY place, what
                                                    LIMIT 3) m),
              CASE WHEN count(*) > 3 THEN format(' and %s more', count(*) - 3) ELSE '' END),
       format('SELECT appinfra.harden_tenant(%L)', own.db_id)
  FROM missing CROSS JOIN own GROUP BY own.db_id HAVING count(*) > 0
 UNION ALL
SELECT 'medium', 'schema_owner', current_database()::text, 'public', quote_ident(o.rolname),
       'Schema public is neither the tenant''s nor a superuser''s.',
       format('SELECT appinfra.harden_tenant(%L)', own.db_id)
  FROM ONLY pg_catalog.pg_namespace n JOIN ONLY pg_catalog.pg_authid o ON o.oid = n.nspowner CROSS JOIN own
 WHERE n.nspname = 'public' AND NOT o.rolsuper
   AND n.nspowner NOT IN (SELECT oid FROM role r WHERE r.db_id = own.db_id)
)sql";

/* In template1: new databases are copied from it. */
static constexpr char template_schema[] = R"sql(
SELECT 'notice', 'schema_create', current_database()::text, quote_ident(n.nspname), 'PUBLIC',
       'In every database that is made from this one, anyone may create objects in the schema.',
       format('REVOKE CREATE ON SCHEMA %I FROM PUBLIC CASCADE', n.nspname)
  FROM ONLY pg_catalog.pg_namespace n CROSS JOIN aclexplode(n.nspacl) a
 WHERE a.grantee = 0 AND a.privilege_type = 'CREATE'
)sql";

std::span<const char *const>
rules_inside(bool is_tenants)
{
    static constexpr const char *of_tenants[] = {functions,      dangerous_code, languages,
                                                 extensions,     foreign_data,   catalogs,
                                                 event_triggers, row_security,   hardening};
    static constexpr const char *of_host[] = {template_schema};

    if (is_tenants)
        return of_tenants;
    return of_host;
}

} // namespace appinfra::exposure
