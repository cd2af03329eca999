/* Rules about the server: its settings, sizes, and what hangs on tenants' databases. See
 * rules.hpp; lines of pg_hba.conf are in hba.cpp. */
#include "exposure/rules.hpp"
#include "exposure/certificate.hpp"
#include "exposure/sql.hpp"

#include "base/query.hpp"
#include "tenant/readiness.hpp"

namespace appinfra::exposure
{

static void look_at_version(void (*add)(void *, const Row &), void *self);
static void look_at_settings(void (*add)(void *, const Row &), void *self);

/* $1 is not used: all of this is the host's. Values are those a new session starts with. */
static constexpr char settings[] = R"sql(
SELECT v.severity, 'server_setting', NULL, s.name, NULL, format(v.detail, s.reset_val),
       format('ALTER SYSTEM SET %s = %L', s.name, v.wanted)
       || CASE s.context WHEN 'postmaster' THEN ' -- takes a restart'
                         ELSE '; SELECT pg_reload_conf()' END
  FROM pg_catalog.pg_settings s JOIN (VALUES
       ('fsync', 'off', 'high', 'on', 'A crash can destroy every database of the host.'),
       ('full_page_writes', 'off', 'high', 'on', 'A crash can leave torn pages.'),
       ('allow_system_table_mods', 'on', 'critical', 'off', 'System catalogs can be altered.'),
       ('lo_compat_privileges', 'on', 'medium', 'off',
        'Every login of a database reads and writes all its large objects.'),
       ('log_min_messages', 'log', 'medium', 'warning',
        'What PostgreSQL itself refuses is not counted: errors are not reported.'),
       ('log_min_messages', 'fatal', 'medium', 'warning',
        'What PostgreSQL itself refuses is not counted: errors are not reported.'),
       ('log_min_messages', 'panic', 'medium', 'warning',
        'What PostgreSQL itself refuses is not counted: errors are not reported.'),
       ('appinfra.guard', 'off', 'critical', 'enforce', 'The guard does nothing.'),
       ('appinfra.guard', 'observe', 'high', 'enforce', 'The guard records, but refuses nothing.'),
       ('appinfra.allow_unsafe_server', 'on', 'notice', 'off',
        'A server with known holes would be provisioned on: for test machines only.')
       ) v (name, bad, severity, wanted, detail) ON v.name = s.name AND v.bad = s.reset_val
 UNION ALL
SELECT CASE WHEN n.tenants > 200 THEN 'medium' ELSE 'notice' END, 'server_setting', NULL, s.name,
       NULL, format('After a crash every file of %s databases is opened before the server starts.',
                    n.tenants),
       format('ALTER SYSTEM SET %s = %L; SELECT pg_reload_conf()', s.name, 'syncfs')
  FROM pg_catalog.pg_settings s
 CROSS JOIN (SELECT count(*) AS tenants FROM pg_catalog.pg_database) n
 WHERE s.name = 'recovery_init_sync_method' AND s.reset_val = 'fsync'
)sql";

static constexpr char sizes[] = R"sql(
WITH s AS (
    SELECT current_setting('max_connections')::int AS connections,
           current_setting('max_locks_per_transaction')::int AS locks,
           current_setting('max_worker_processes')::int AS workers,
           current_setting('max_parallel_workers')::int AS parallel_workers,
           8 + CASE current_setting('appinfra.exposures_interval') WHEN '0' THEN 0 ELSE 2 END AS needed,
           current_setting('max_connections')::int + current_setting('max_worker_processes')::int
           + current_setting('max_wal_senders')::int
           + current_setting('autovacuum_max_workers')::int + 1
           + current_setting('max_prepared_transactions')::int AS processes,
           current_setting('appinfra.tenant_lock_limit')::int AS lock_limit,
           current_setting('appinfra.tenant_connection_limit')::int AS tenant_connections,
           current_setting('max_connections')::int
           - current_setting('superuser_reserved_connections')::int
           - coalesce(current_setting('reserved_connections', true), '0')::int
           - current_setting('appinfra.reserved_connections')::int AS usable,
           (SELECT sum(d.datconnlimit) FROM appinfra.tenant t JOIN pg_catalog.pg_database d
                ON d.datname = t.database WHERE d.datconnlimit > 0) AS promised)
SELECT 'medium', 'lock_table', NULL, 'max_locks_per_transaction', NULL,
       format('The lock table holds about %s locks, too few for tenants of %s each '
              '(appinfra.tenant_lock_limit) beside everybody else.', locks * processes, lock_limit),
       format('ALTER SYSTEM SET max_locks_per_transaction = %L -- takes a restart',
              ceil(4.0 * lock_limit / processes))
  FROM s WHERE locks * processes < 4 * lock_limit
 UNION ALL
SELECT 'medium', 'lock_table', NULL, 'appinfra.tenant_lock_limit', NULL,
       'One tenant may fill the lock table, and nobody can log in any more.',
       'ALTER SYSTEM SET appinfra.tenant_lock_limit = 4000; SELECT pg_reload_conf()'
  FROM s WHERE lock_limit = 0
 UNION ALL
SELECT 'medium', 'worker_slots', NULL, 'max_worker_processes', NULL,
       format('Parallel queries can take %s of %s background workers; appinfra needs %s beside them.',
              parallel_workers, workers, needed),
       format('ALTER SYSTEM SET max_worker_processes = %L -- takes a restart', parallel_workers + needed + 1)
  FROM s WHERE workers - parallel_workers < needed
 UNION ALL
SELECT 'medium', 'connections', NULL, 'appinfra.tenant_connection_limit', NULL,
       format('One tenant may take all %s connections that are not reserved.', usable),
       format('ALTER SYSTEM SET appinfra.tenant_connection_limit = %L; SELECT pg_reload_conf()',
              greatest(usable / 2, 1))
  FROM s WHERE tenant_connections = -1 OR tenant_connections >= usable
 UNION ALL
SELECT 'notice', 'connections', NULL, 'max_connections', NULL,
       format('All tenants together may have %s connections; %s are there for them.', promised,
              usable),
       format('ALTER SYSTEM SET max_connections = %L -- takes a restart',
              connections + promised - usable)
  FROM s WHERE promised > usable
)sql";

static constexpr char transaction_ids[] = R"sql(
WITH u AS (SELECT u.*, t.database::text, tenant_role.rolname
             FROM appinfra.xid_use() u JOIN appinfra.tenant t USING (db_id)
             LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = u.pid
             LEFT JOIN pg_catalog.pg_roles tenant_role ON tenant_role.oid = a.usesysid
            WHERE $1 IS NULL OR u.db_id = $1)
SELECT 'medium', 'xid_age', database, format('session %s', pid), quote_ident(rolname),
       format('It keeps a transaction id of %s ago, and is ended at %s (appinfra.tenant_xid_age_limit).',
              age, age_limit),
       format('SELECT pg_terminate_backend(%s)', pid)
  FROM u WHERE age_limit > 0 AND age >= age_limit / 2
 UNION ALL
SELECT 'medium', 'xid_rate', database, quote_ident(database), NULL,
       format('Its sessions take %s transaction ids per second, and are ended at %s '
              '(appinfra.tenant_xid_rate).', rate, rate_limit),
       format('SELECT appinfra.revoke_tenant(%L)', db_id)
  FROM u WHERE rate_limit > 0 AND rate >= rate_limit / 2
 UNION ALL
SELECT 'medium', rule, NULL, name, NULL,
       'A tenant may bring the host to where it takes no more writes, for want of transaction ids.',
       format('ALTER SYSTEM RESET %s; SELECT pg_reload_conf()', name)
  FROM (VALUES ('xid_age', 'appinfra.tenant_xid_age_limit'),
               ('xid_rate', 'appinfra.tenant_xid_rate')) l (rule, name)
 WHERE current_setting(name) = '0'
)sql";

static constexpr char hanging[] = WITH_TENANT_ROLES_AND_DATABASES R"sql(
SELECT 'medium', 'replication_slot', b.datname, s.slot_name::text, NULL,
       'A replication slot of a tenant''s database keeps files of the host''s log.',
       format('SELECT pg_drop_replication_slot(%L)', s.slot_name)
  FROM pg_catalog.pg_replication_slots s JOIN base b ON b.datname = s.database
 WHERE b.kind = 'tenant' AND ($1 IS NULL OR b.db_id = $1)
 UNION ALL
SELECT 'high', 'subscription', b.datname, quote_ident(s.subname), quote_ident(o.rolname),
       'A subscription of a tenant''s database connects to another server.',
       format('ALTER SUBSCRIPTION %I DISABLE', s.subname)
  FROM pg_catalog.pg_subscription s JOIN base b ON b.oid = s.subdbid
  JOIN pg_catalog.pg_authid o ON o.oid = s.subowner
 WHERE s.subenabled AND b.kind = 'tenant' AND ($1 IS NULL OR b.db_id = $1)
 UNION ALL
SELECT 'medium', 'prepared_transaction', p.database, p.gid, quote_ident(p.owner),
       format('A prepared transaction holds locks since %s.', p.prepared),
       format('ROLLBACK PREPARED %L', p.gid)
  FROM pg_catalog.pg_prepared_xacts p JOIN base b ON b.datname = p.database
 WHERE b.kind = 'tenant' AND ($1 IS NULL OR b.db_id = $1)
 UNION ALL
SELECT 'notice', 'shared_catalogs', NULL, 'pg_database, pg_authid', 'PUBLIC',
       'Every login sees the names of all databases and roles of the host, as in PostgreSQL at large.',
       NULL
)sql";

/* What everyone may read of them is known to PostgreSQL's own table of settings only. */
static constexpr char readable_settings[] = R"sql(
SELECT name,
       CASE WHEN sourcefile LIKE '%postgresql.auto.conf'
            THEN format('ALTER SYSTEM RESET %s', )sql" SETTING_NAME("name") R"sql()
            ELSE format('-- %s, line %s: delete', sourcefile, sourceline) END
       || CASE WHEN context = 'postmaster' THEN ' -- takes a restart'
               WHEN sourcefile LIKE '%postgresql.auto.conf' THEN '; SELECT pg_reload_conf()'
               ELSE E'\nSELECT pg_reload_conf()' END
  FROM pg_catalog.pg_settings
 WHERE reset_val ~* )sql" SECRET_VALUE R"sql(
    OR (name ~ '\.' AND name ~* )sql" SECRET_NAME R"sql( AND reset_val <> '')
)sql";

extern const char hba_lines[];
extern const char recovery_rows[];
extern const char bucket_rows[];

std::span<Rule>
server_rules()
{
    static Rule rules[] = {{{bucket_rows}, false}, {{recovery_rows}, false},   {{settings}, false},
                           {{sizes}, false},       {{transaction_ids}, false}, {{hanging}, false},
                           {{hba_lines}, false}};

    return rules;
}

void
look_at_server(void (*add)(void *, const Row &), void *self)
{
    look_at_version(add, self);
    look_at_settings(add, self);
    look_at_certificate(add, self);
}

static void
look_at_version(void (*add)(void *, const Row &), void *self)
{
    int running = atoi(GetConfigOption("server_version_num", false, false));
    int floor = readiness::security_floor();

    if (running < floor)
        add(self, {.severity = "high",
                   .rule = "server_version",
                   .database = nullptr,
                   .object = psprintf("%d.%d", running / 10000, running % 10000),
                   .grantee = nullptr,
                   .detail = psprintf("Below %d.%d, known holes are open to tenants.",
                                      floor / 10000, floor % 10000),
                   .remedy = "-- install the newest minor release and restart"});
}

/* Settings that everyone may read, and that look as if they held a secret. */
static void
look_at_settings(void (*add)(void *, const Row &), void *self)
{
    static query::Query select = {readable_settings};
    query::Rows rows = query::run(select);

    for (uint64 i = 0; i < rows.count; i++) {
        const char *name = rows.text(i, 1);

        if ((GetConfigOptionFlags(name, true) & GUC_SUPERUSER_ONLY) != 0)
            continue;
        add(self, {.severity = "high",
                   .rule = "secret",
                   .database = nullptr,
                   .object = name,
                   .grantee = "PUBLIC",
                   .detail = "Every login of the host can read what looks like a secret in a "
                             "setting.",
                   .remedy = rows.text(i, 2)});
    }
}

} // namespace appinfra::exposure
