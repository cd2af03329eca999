/* The rules about a pooler's login in a tenant's database. See rules_inside.hpp. */
#include "exposure/rules_inside.hpp"

#include "base/identifiers.hpp"
#include "exposure/sql.hpp"
#include "guard/pooler.hpp"

namespace appinfra::exposure
{

/* Who else may call the function that tells verifiers; tenants' roles are in function_grant. */
static constexpr char callers[] = WITH_TENANT_ROLES R"sql(
SELECT 'high', 'function_grant', current_database()::text, p.oid::regprocedure::text,
       quote_ident(o.rolname), 'It is for the login of a pooler only.',
       format('REVOKE ALL ON ROUTINE %s FROM %I CASCADE', p.oid::regprocedure, o.rolname)
  FROM ONLY pg_catalog.pg_proc p CROSS JOIN aclexplode(p.proacl) a
  JOIN ONLY pg_catalog.pg_authid o ON o.oid = a.grantee
 WHERE p.prosrc = ')sql" POOLER_FUNCTION R"sql(' AND a.grantee <> p.proowner
   AND o.rolname <> ')sql" POOLER_ROLE R"sql(' AND o.oid NOT IN (SELECT oid FROM role)
)sql";

/* What the login owns, or has rights on, beside that function: pg_shdepend knows all of it. */
static constexpr char rights[] = R"sql(
WITH held AS (
    SELECT DISTINCT d.classid::regclass AS class, d.objid, d.deptype, p.rolname,
           (pg_identify_object(d.classid, d.objid, 0)).identity AS name
      FROM ONLY pg_catalog.pg_shdepend d JOIN ONLY pg_catalog.pg_authid p
        ON d.refclassid = 'pg_catalog.pg_authid'::regclass AND d.refobjid = p.oid
     WHERE p.rolname = ')sql" POOLER_ROLE R"sql(' AND d.deptype IN ('o', 'a')
       AND d.dbid = (SELECT oid FROM ONLY pg_catalog.pg_database WHERE datname = current_database())
       AND NOT (d.deptype = 'a' AND d.classid = 'pg_catalog.pg_proc'::regclass
                AND d.objid IS NOT DISTINCT FROM
                    to_regprocedure('pg_catalog.)sql" POOLER_FUNCTION R"sql((text)')))
SELECT 'high', 'pooler_role', current_database()::text, pg_describe_object(h.class, h.objid, 0),
       quote_ident(h.rolname),
       CASE h.deptype WHEN 'o' THEN 'The login of a pooler owns it.'
            ELSE 'The login of a pooler has rights on it: only the guard refuses it now.' END,
       CASE WHEN h.deptype = 'o' THEN format('REASSIGN OWNED BY %I TO CURRENT_USER', h.rolname)
            WHEN f.oid IS NOT NULL THEN
                 format('ALTER DEFAULT PRIVILEGES FOR ROLE %s %s REVOKE ALL ON %s FROM %I',
                        f.defaclrole::regrole,
                        CASE WHEN f.defaclnamespace <> 0
                             THEN format('IN SCHEMA %s', f.defaclnamespace::regnamespace) END,
                        CASE f.defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES'
                             WHEN 'f' THEN 'FUNCTIONS' WHEN 'T' THEN 'TYPES' ELSE 'SCHEMAS' END,
                        h.rolname)
            ELSE format('REVOKE ALL ON %s %s FROM %I CASCADE', k.kind, h.name, h.rolname) END
  FROM held h
  LEFT JOIN ONLY pg_catalog.pg_default_acl f
    ON h.class = 'pg_catalog.pg_default_acl'::regclass AND f.oid = h.objid
  LEFT JOIN ONLY pg_catalog.pg_class c ON h.class = 'pg_catalog.pg_class'::regclass AND c.oid = h.objid
 CROSS JOIN LATERAL (SELECT CASE h.class::text
            WHEN 'pg_class' THEN CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END
            WHEN 'pg_proc' THEN 'ROUTINE' WHEN 'pg_namespace' THEN 'SCHEMA' WHEN 'pg_type' THEN 'TYPE'
            WHEN 'pg_largeobject' THEN 'LARGE OBJECT' WHEN 'pg_foreign_server' THEN 'FOREIGN SERVER'
            WHEN 'pg_foreign_data_wrapper' THEN 'FOREIGN DATA WRAPPER' ELSE 'LANGUAGE' END) k (kind)
)sql";

std::span<const char *const>
rules_of_pooler()
{
    static constexpr const char *rules[] = {callers, rights};

    return rules;
}

} // namespace appinfra::exposure
