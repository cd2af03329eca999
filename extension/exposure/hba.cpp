/* The rule about lines of pg_hba.conf that let tenants' logins in otherwise than by their password
 * and over TLS. See rules.hpp. */
#include "exposure/rules.hpp"
#include "exposure/sql.hpp"

namespace appinfra::exposure
{

extern const char hba_lines[];

/*
 * A line counts when it can match a tenant's login in a tenant's database. A line that rejects
 * everyone, over plain TCP or at all, hides what comes later. The file is nothing that SQL should
 * write, so the remedy is the new line as a comment, and the statement that makes it known.
 */
const char hba_lines[] = WITH_TENANT_ROLES_AND_DATABASES R"sql(
, line AS (
    SELECT h.*, row_number() OVER () AS number,
           coalesce(to_jsonb(h) ->> 'file_name', current_setting('hba_file')) AS file,
           h.type = 'local' OR h.address IN ('localhost', 'samehost') OR h.address LIKE '127.%'
           OR h.address = '::1' OR NOT EXISTS (
              SELECT FROM regexp_split_to_table(current_setting('listen_addresses'), '[,\s]+') l
               WHERE l NOT IN ('', 'localhost', '::1') AND l NOT LIKE '127.%') AS is_near,
           EXISTS (SELECT FROM unnest(h.user_name) u WHERE u = 'all'
               OR EXISTS (SELECT FROM role r WHERE r.kind = 'login' AND r.rolname = u)
               OR CASE WHEN u LIKE '/%' AND has_patterns THEN EXISTS (
                  SELECT FROM role r WHERE r.kind = 'login' AND r.rolname::text ~ substr(u, 2)) END
               OR CASE WHEN u LIKE '+%' THEN EXISTS (
                  SELECT FROM role r JOIN pg_catalog.pg_authid g ON g.rolname = substr(u, 2)
                   WHERE r.kind = 'login' AND pg_has_role(r.oid, g.oid, 'member')
                     AND NOT r.rolsuper) END) AS is_for_tenants,
           EXISTS (SELECT FROM unnest(h.database) d
                    WHERE d IN ('all', 'sameuser', 'samerole', 'samegroup')
                       OR EXISTS (SELECT FROM base b WHERE b.kind = 'tenant' AND b.datname = d)
                       OR CASE WHEN d LIKE '/%' AND has_patterns THEN EXISTS (
                          SELECT FROM base b WHERE b.kind = 'tenant'
                             AND b.datname::text ~ substr(d, 2)) END)
           AS is_for_databases,
           'replication' = ANY (h.database) AS is_for_replication,
           h.auth_method = 'reject' AND 'all' = ANY (h.database) AND 'all' = ANY (h.user_name)
           AND h.address = 'all' AS hides
      FROM pg_catalog.pg_hba_file_rules h
     CROSS JOIN (SELECT current_setting('server_version_num')::int >= 160000 AS has_patterns) v),
seen AS (
    SELECT l.*, l.type IN ('host', 'hostnossl', 'hostnogssenc')
           AND NOT EXISTS (SELECT FROM line p WHERE p.number < l.number AND p.hides
                              AND p.type IN ('host', 'hostnossl')) AS is_plain,
           concat_ws(' ', array_to_string(l.database, ','), array_to_string(l.user_name, ','),
                     l.address, l.netmask) AS words
      FROM line l
     WHERE l.auth_method IS DISTINCT FROM 'reject' AND NOT EXISTS (
           SELECT FROM line p WHERE p.number < l.number AND p.hides AND l.type <> 'local'
              AND (p.type = 'host' OR p.type = l.type)))
SELECT v.severity, v.rule, NULL, format('%s:%s', s.file, s.line_number), NULL, v.detail,
       format(E'-- %s, line %s: %s%s\nSELECT pg_reload_conf()', s.file, s.line_number, v.remedy,
              CASE WHEN v.remedy LIKE 'hostssl%' AND current_setting('ssl') = 'off'
                   THEN E'\n-- takes ssl = on' ELSE '' END)
  FROM seen s CROSS JOIN LATERAL (
    SELECT 'medium', 'hba_error', format('The line is wrong, so no line that has changed counts: %s.',
           s.error), 'correct it' WHERE s.error IS NOT NULL AND s.type IS NULL
     UNION ALL
    SELECT CASE WHEN s.is_near THEN 'high' ELSE 'critical' END, 'hba_trust',
           'Whoever knows a tenant''s login enters without a password.',
           format('%s %s scram-sha-256', CASE s.type WHEN 'host' THEN 'hostssl' ELSE s.type END,
                  s.words)
     WHERE s.auth_method = 'trust' AND s.is_for_tenants AND s.is_for_databases
     UNION ALL
    SELECT CASE WHEN s.type = 'local' THEN 'notice' WHEN s.auth_method = 'ident' AND NOT s.is_near
                THEN 'high' ELSE 'medium' END, 'hba_method',
           format('The method "%s" lets tenants'' logins in by something else than their password.',
                  s.auth_method),
           format('%s %s scram-sha-256', s.type, s.words)
     WHERE s.auth_method NOT IN ('trust', 'password', 'md5', 'scram-sha-256')
       AND s.is_for_tenants AND s.is_for_databases
     UNION ALL
    SELECT CASE WHEN s.is_near THEN 'notice' WHEN s.auth_method = 'password' THEN 'high'
                ELSE 'medium' END, 'hba_plain',
           CASE s.auth_method WHEN 'password' THEN 'Tenants'' passwords pass unencrypted.'
                ELSE 'Tenants'' data may pass unencrypted.' END,
           format('hostssl %s scram-sha-256', s.words)
     WHERE s.is_plain AND s.auth_method IN ('password', 'md5', 'scram-sha-256')
       AND s.is_for_tenants AND s.is_for_databases
     UNION ALL
    SELECT CASE WHEN s.is_near THEN 'notice' WHEN s.auth_method IN ('trust', 'ident') THEN 'high'
                ELSE 'medium' END, 'hba_replication',
           'The line also lets tenants'' logins ask for replication, which only the lack of an attribute and the guard refuse.',
           'name the role that replicates instead of all'
     WHERE s.is_for_replication AND s.is_for_tenants) v (severity, rule, detail, remedy)
)sql";

} // namespace appinfra::exposure
