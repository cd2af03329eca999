/*
 * Rules inside a tenant's database about whose code runs there. See rules_inside.hpp.
 *
 * What the guard refuses when it is made may have been there before, or come from a superuser. As
 * in rules_inside.cpp nothing of a tenant's is called. $1: the sources no tenant may execute, $4:
 * those that run text or show others' queries.
 */
#include "exposure/rules_inside.hpp"

#include "exposure/sql.hpp"
#include "guard/pooler.hpp"

namespace appinfra::exposure
{

/* Tells whether something belongs to an extension. */
#define IS_MEMBER(class, object)                                                                   \
    "EXISTS (SELECT FROM ONLY pg_catalog.pg_depend e WHERE e.classid = '" class "'::regclass AND " \
                                                                                "e.objid "         \
                                                                                "= " object        \
                                                                                " AND e.deptype "  \
                                                                                "= 'e')"

/*
 * Everything that is stored here as an expression, with the relation it stands on (0: none), the
 * expression, and the statement that takes it away. On no relation, only what is not the server's:
 * nobody asks for the others, and they are thousands.
 */
#define WITH_STORED                                                                                \
    WITH_TENANT_ROLES                                                                              \
    ", stored (class, object, relation, tree, remedy) AS ( "                                       \
    "SELECT 'pg_rewrite'::regclass, w.oid, w.ev_class, coalesce(w.ev_qual::text, '') || "          \
    "w.ev_action::text, "                                                                          \
    "CASE WHEN w.rulename <> '_RETURN' THEN format('DROP RULE %I ON %s', w.rulename, "             \
    "w.ev_class::regclass) "                                                                       \
    "WHEN c.relkind = 'm' THEN format('DROP MATERIALIZED VIEW %s', w.ev_class::regclass) "         \
    "ELSE format('DROP VIEW %s', w.ev_class::regclass) END "                                       \
    "FROM ONLY pg_catalog.pg_rewrite w JOIN ONLY pg_catalog.pg_class c ON c.oid = w.ev_class "     \
    "UNION ALL "                                                                                   \
    "SELECT 'pg_constraint'::regclass, oid, conrelid, conbin::text, "                              \
    "CASE conrelid WHEN 0 THEN format('ALTER DOMAIN %s DROP CONSTRAINT %I', contypid::regtype, "   \
    "conname) "                                                                                    \
    "ELSE format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname) END "           \
    "FROM ONLY pg_catalog.pg_constraint "                                                          \
    "UNION ALL "                                                                                   \
    "SELECT 'pg_attrdef'::regclass, d.oid, d.adrelid, d.adbin::text, "                             \
    "CASE t.attgenerated WHEN '' THEN format('ALTER TABLE %s ALTER COLUMN %I DROP DEFAULT', "      \
    "d.adrelid::regclass, t.attname) "                                                             \
    "ELSE format('ALTER TABLE %s ALTER COLUMN %I DROP EXPRESSION', d.adrelid::regclass, "          \
    "t.attname) END "                                                                              \
    "FROM ONLY pg_catalog.pg_attrdef d "                                                           \
    "JOIN ONLY pg_catalog.pg_attribute t ON t.attrelid = d.adrelid AND t.attnum = d.adnum "        \
    "UNION ALL "                                                                                   \
    "SELECT 'pg_policy'::regclass, oid, polrelid, coalesce(polqual::text, '') || "                 \
    "coalesce(polwithcheck::text, ''), "                                                           \
    "format('DROP POLICY %I ON %s', polname, polrelid::regclass) "                                 \
    "FROM ONLY pg_catalog.pg_policy "                                                              \
    "UNION ALL "                                                                                   \
    "SELECT 'pg_trigger'::regclass, oid, tgrelid, tgqual::text, "                                  \
    "format('DROP TRIGGER %I ON %s', tgname, tgrelid::regclass) "                                  \
    "FROM ONLY pg_catalog.pg_trigger WHERE NOT tgisinternal "                                      \
    "UNION ALL "                                                                                   \
    "SELECT 'pg_statistic_ext'::regclass, oid, stxrelid, stxexprs::text, "                         \
    "format('DROP STATISTICS %I.%I', stxnamespace::regnamespace, stxname) "                        \
    "FROM ONLY pg_catalog.pg_statistic_ext "                                                       \
    "UNION ALL "                                                                                   \
    "SELECT 'pg_class'::regclass, indexrelid, indrelid, coalesce(indexprs::text, '') || "          \
    "coalesce(indpred::text, ''), "                                                                \
    "format('DROP INDEX %s', indexrelid::regclass) "                                               \
    "FROM ONLY pg_catalog.pg_index "                                                               \
    "UNION ALL "                                                                                   \
    "SELECT 'pg_type'::regclass, oid, 0, typdefaultbin::text, "                                    \
    "format('ALTER DOMAIN %s DROP DEFAULT', oid::regtype) "                                        \
    "FROM ONLY pg_catalog.pg_type WHERE oid >= 16384 "                                             \
    "UNION ALL "                                                                                   \
    "SELECT 'pg_proc'::regclass, oid, 0, coalesce(prosqlbody::text, '') || "                       \
    "coalesce(proargdefaults::text, ''), "                                                         \
    "format('DROP ROUTINE %s', oid::regprocedure) "                                                \
    "FROM ONLY pg_catalog.pg_proc WHERE oid >= 16384) "

/* What runs, reads or changes something for whoever comes by: the guard keeps it from being made.
 */
static constexpr char stored_calls[] = WITH_STORED R"sql(
SELECT 'high', 'stored_call', current_database()::text, pg_describe_object(s.class, s.object, 0), NULL,
       format('Whoever uses it calls %s with rights of his own. The remedy takes it away.',
              string_agg(DISTINCT p.oid::regprocedure::text, ', ')), s.remedy
  FROM stored s
 CROSS JOIN LATERAL regexp_matches(s.tree, ':(?:funcid|opfuncid|aggfnoid|winfnoid) ([0-9]+)', 'g') m
  LEFT JOIN ONLY pg_catalog.pg_aggregate a ON a.aggfnoid = m[1]::oid
  JOIN ONLY pg_catalog.pg_proc p ON p.oid IN (m[1]::oid, a.aggtransfn, a.aggfinalfn, a.aggcombinefn,
                                              a.aggmtransfn, a.aggminvtransfn, a.aggmfinalfn)
  JOIN ONLY pg_catalog.pg_language l ON l.oid = p.prolang AND l.lanname IN ('internal', 'c')
 WHERE s.object >= 16384 AND (p.prosrc = ANY ($1) OR p.prosrc = ANY ($4))
   AND NOT (s.class = 'pg_proc'::regclass AND p.prosrc = 'set_config_by_name')
   AND NOT EXISTS (SELECT FROM ONLY pg_catalog.pg_depend e WHERE e.deptype = 'e'
                      AND (e.classid, e.objid) IN ((s.class, s.object), ('pg_class'::regclass, s.relation)))
 GROUP BY s.class, s.object, s.remedy
)sql";

/*
 * What the server shows to few, in a tree of a tenant's: a policy, a rule or a view WITH
 * (security_invoker) reads it with the rights of whoever comes by.
 */
static constexpr char stored_relations[] = WITH_STORED R"sql(
SELECT 'high', 'stored_relation', current_database()::text, pg_describe_object(s.class, s.object, 0), NULL,
       format('It names %s, which no tenant may use, but maybe who comes by. The remedy takes it away.',
              string_agg(DISTINCT r.oid::regclass::text, ', ')), s.remedy
  FROM stored s JOIN ONLY pg_catalog.pg_class c ON c.oid = s.relation AND c.relowner IN (SELECT oid FROM role)
 CROSS JOIN LATERAL regexp_matches(s.tree, ':relid ([0-9]+)', 'g') m
  JOIN ONLY pg_catalog.pg_class r ON r.oid = m[1]::oid
 WHERE r.oid < 16384 AND NOT has_any_column_privilege('public', r.oid, 'SELECT')
 GROUP BY s.class, s.object, s.remedy
)sql";

/* A tenant's function under something that stands on a table which is not a tenant's. */
static constexpr char code_on_others[] = WITH_STORED R"sql(
SELECT 'critical', 'tenant_code', current_database()::text, pg_describe_object(s.class, s.object, 0),
       string_agg(DISTINCT quote_ident(r.rolname), ', '),
       format('It runs code that %s can change, for whoever uses %s. The remedy takes it away.',
              string_agg(DISTINCT quote_ident(r.rolname), ', '), s.relation::regclass), s.remedy
  FROM stored s JOIN ONLY pg_catalog.pg_class c ON c.oid = s.relation
  JOIN ONLY pg_catalog.pg_depend d ON d.classid = s.class AND d.objid = s.object
   AND d.refclassid = 'pg_proc'::regclass
  JOIN ONLY pg_catalog.pg_proc p ON p.oid = d.refobjid JOIN role r ON r.oid = p.proowner
 WHERE c.relowner NOT IN (SELECT oid FROM role) GROUP BY s.class, s.object, s.relation, s.remedy
)sql";

/* Rights by which a tenant puts code on a table of others. */
static constexpr char table_rights[] = WITH_TENANT_ROLES R"sql(
SELECT 'high', 'table_grant', current_database()::text, c.oid::regclass::text,
       )sql" GRANTEE("a.grantee", "r.rolname") R"sql(,
       format('%s: code of the tenant''s would run for whoever writes here. Only the guard refuses it.',
              a.privilege_type),
       format('REVOKE %s ON %s FROM %s CASCADE', a.privilege_type, c.oid::regclass,
              )sql" GRANTEE("a.grantee", "r.rolname") R"sql()
  FROM ONLY pg_catalog.pg_class c CROSS JOIN aclexplode(c.relacl) a
  LEFT JOIN role r ON r.oid = a.grantee
 WHERE (a.grantee = 0 OR r.oid IS NOT NULL) AND a.privilege_type IN ('REFERENCES', 'TRIGGER')
   AND c.oid >= 16384 AND c.relowner NOT IN (SELECT oid FROM role)
 UNION ALL
SELECT 'high', 'table_grant', current_database()::text, format('%s.%I', c.oid::regclass, t.attname),
       )sql" GRANTEE("a.grantee", "r.rolname") R"sql(,
       format('%s: code of the tenant''s would run for whoever writes here. Only the guard refuses it.',
              a.privilege_type),
       format('REVOKE %s (%I) ON %s FROM %s CASCADE', a.privilege_type, t.attname, c.oid::regclass,
              )sql" GRANTEE("a.grantee", "r.rolname") R"sql()
  FROM ONLY pg_catalog.pg_attribute t JOIN ONLY pg_catalog.pg_class c ON c.oid = t.attrelid
 CROSS JOIN aclexplode(t.attacl) a LEFT JOIN role r ON r.oid = a.grantee
 WHERE (a.grantee = 0 OR r.oid IS NOT NULL) AND a.privilege_type = 'REFERENCES'
   AND c.oid >= 16384 AND c.relowner NOT IN (SELECT oid FROM role)
)sql";

/* Names in such a function mean whatever the caller's search_path says: functions of the caller's.
 */
static constexpr char search_paths[] = WITH_TENANT_ROLES R"sql(
SELECT CASE WHEN p.prosecdef THEN 'high' ELSE 'medium' END, 'search_path', current_database()::text,
       p.oid::regprocedure::text, p.proowner::regrole::text,
       CASE WHEN p.prosecdef
            THEN 'It runs with its owner''s rights and finds what it calls by the caller''s search_path.'
            ELSE 'A superuser''s function that finds what it calls by the caller''s search_path.' END
       || ' Write the schemas of what it uses into it as well.',
       format('ALTER ROUTINE %s SET search_path = pg_catalog, pg_temp', p.oid::regprocedure)
  FROM ONLY pg_catalog.pg_proc p JOIN ONLY pg_catalog.pg_language l ON l.oid = p.prolang
  JOIN ONLY pg_catalog.pg_authid o ON o.oid = p.proowner
 WHERE p.oid >= 16384 AND l.lanname NOT IN ('internal', 'c') AND p.prosqlbody IS NULL
   AND (p.prosecdef OR o.rolsuper) AND p.proowner NOT IN (SELECT oid FROM role)
   AND NOT EXISTS (SELECT FROM unnest(p.proconfig) s WHERE s LIKE 'search\_path=%')
   AND NOT )sql" IS_MEMBER("pg_proc", "p.oid");

/* Whoever reads the parent reads the child, and the planner looks at the child's constraints. */
static constexpr char catalog_children[] = R"sql(
SELECT 'critical', 'catalog_child', current_database()::text, c.oid::regclass::text,
       c.relowner::regrole::text,
       format('It inherits from %s: whoever reads that runs what stands on this table.',
              i.inhparent::regclass),
       format('ALTER TABLE %s NO INHERIT %s', c.oid::regclass, i.inhparent::regclass)
  FROM ONLY pg_catalog.pg_inherits i JOIN ONLY pg_catalog.pg_class c ON c.oid = i.inhrelid
 WHERE i.inhparent < 16384
)sql";

/* What somebody has added to the schemas of the server, or put on what is in them. */
static constexpr char system_additions[] = WITH_STORED R"sql(
, schema AS (SELECT oid FROM ONLY pg_catalog.pg_namespace
              WHERE nspname IN ('pg_catalog', 'information_schema'))
SELECT 'critical', 'system_addition', current_database()::text,
       pg_describe_object(a.class, a.object, 0), a.owner::regrole::text,
       'Superusers rely on what is in this schema. The remedy takes it away.', a.remedy
  FROM (SELECT 'pg_proc'::regclass AS class, oid AS object, proowner AS owner,
               format('DROP ROUTINE %s', oid::regprocedure) AS remedy
          FROM ONLY pg_catalog.pg_proc WHERE pronamespace IN (SELECT oid FROM schema)
           AND proname !~ '^tenant_(sessions|(cancel|terminate|check)_session|access)$'
           AND NOT (proname ~ '^tenant_(statements|extensions|set|reset)$' AND proowner = 10
                    AND prosrc = 'appinfra_' || proname AND probin = '$libdir/appinfra')
           AND NOT (proname = ')sql" POOLER_FUNCTION R"sql(' AND proowner = 10
                    AND prosrc = proname AND probin = '$libdir/appinfra')
         UNION ALL
        SELECT 'pg_operator'::regclass, oid, oprowner, format('DROP OPERATOR %s', oid::regoperator)
          FROM ONLY pg_catalog.pg_operator WHERE oprnamespace IN (SELECT oid FROM schema)
         UNION ALL
        SELECT 'pg_class'::regclass, oid, relowner,
               format('DROP %s %s', CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW'
                      WHEN 'S' THEN 'SEQUENCE' WHEN 'i' THEN 'INDEX' WHEN 'c' THEN 'TYPE'
                      WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END, oid::regclass)
          FROM ONLY pg_catalog.pg_class WHERE relnamespace IN (SELECT oid FROM schema)
         UNION ALL
        SELECT 'pg_type'::regclass, oid, typowner, format('DROP TYPE %s', oid::regtype)
          FROM ONLY pg_catalog.pg_type
         WHERE typnamespace IN (SELECT oid FROM schema) AND typrelid = 0 AND typcategory <> 'A'
         UNION ALL
        SELECT s.class, s.object, c.relowner, s.remedy
          FROM stored s JOIN ONLY pg_catalog.pg_class c ON c.oid = s.relation
         WHERE s.relation < 16384 AND s.class <> 'pg_class'::regclass
         UNION ALL
        SELECT 'pg_constraint'::regclass, n.oid, t.typowner,
               format('ALTER DOMAIN %s DROP CONSTRAINT %I', t.oid::regtype, n.conname)
          FROM ONLY pg_catalog.pg_constraint n JOIN ONLY pg_catalog.pg_type t ON t.oid = n.contypid
         WHERE t.oid < 16384) a
 WHERE a.object >= 16384
   AND NOT EXISTS (SELECT FROM ONLY pg_catalog.pg_depend e WHERE e.classid = a.class
                      AND e.objid = a.object AND e.deptype = 'e')
)sql";

std::span<const char *const>
rules_of_tenant_code()
{
    static constexpr const char *rules[] = {catalog_children, code_on_others,   system_additions,
                                            stored_calls,     stored_relations, table_rights,
                                            search_paths};

    return rules;
}

} // namespace appinfra::exposure
