-- The pool: its size, what waits when it is empty, and how long.

-- A backend reads a new configuration between two statements: reloaded() looks again and again.
CREATE FUNCTION pg_temp.reloaded(name text, value text) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT format('DO %L', format('BEGIN IF current_setting(%L) <> %L THEN PERFORM pg_sleep(0.02); END IF; END', name, value))
      FROM generate_series(1, 1500) $$;

-- With pool_size 0 nothing is kept in store: claims use up what is ready.
ALTER SYSTEM SET appinfra.pool_size = 0;
SELECT pg_reload_conf();
CALL t.drain('app-drain-');
SELECT count(*) AS shells FROM appinfra.pool;

-- An empty pool and no time to wait: refused at once, and nothing is left behind.
-- (The lock keeps the builder out, which works for whoever waits.)
SELECT t.registry() AS before \gset
BEGIN;
LOCK TABLE appinfra.shell IN SHARE ROW EXCLUSIVE MODE;
DELETE FROM appinfra.shell;
SET LOCAL appinfra.provision_timeout = 0;
SELECT t.try($$ SELECT appinfra.provision_tenant('app-pool', 'u', 'pool') $$);
SELECT t.registry() = :'before' AS unchanged;
ROLLBACK;

-- What keeps shells from being built is told.
BEGIN;
LOCK TABLE appinfra.shell IN SHARE ROW EXCLUSIVE MODE;
DELETE FROM appinfra.shell;
SET LOCAL appinfra.provision_timeout = '1 ms';
UPDATE appinfra.template SET last_error = 'disk full';
SELECT t.try($$ SELECT appinfra.provision_tenant('app-pool', 'u', 'pool') $$);
ROLLBACK;

-- With time to wait, a shell is built for whoever waits, in one transaction or in many.
SELECT count(DISTINCT c.db_id) AS served
  FROM generate_series(1, 4) i, appinfra.provision_tenant('app-pool-' || i, 'u', 'pool') c;
SELECT status FROM appinfra.provision_tenant('app-pool-5', 'u', 'pool');
SELECT status FROM appinfra.provision_tenant('app-pool-6', 'u', 'pool');
CALL t.drain('app-drain2-');

-- Whoever is cancelled while waiting leaves nothing, and waits no longer.
BEGIN;
LOCK TABLE appinfra.shell IN SHARE ROW EXCLUSIVE MODE;
DELETE FROM appinfra.shell;
SET LOCAL statement_timeout = '200 ms';
\set VERBOSITY terse
SELECT count(*) FROM appinfra.provision_tenant('app-cancel', 'u', 'cancel');
\set VERBOSITY default
ROLLBACK;
SELECT count(*) AS tenants FROM appinfra.databases WHERE app_id = 'app-cancel';
CALL t.drain('app-drain3-');
SELECT count(*) AS shells FROM appinfra.pool;
SELECT c.database FROM appinfra.provision_tenant('app-cancel', 'u', 'cancel') c;

-- Larger again: refilled without anybody's asking.
ALTER SYSTEM SET appinfra.pool_size = 6;
SELECT pg_reload_conf();
CALL t.wait_for('(SELECT count(*) FROM appinfra.pool WHERE status = ''ready'') = 6');

-- A pool that grows stops growing when it is made smaller, also while the builder is busy.
ALTER SYSTEM SET appinfra.pool_size = 300;
SELECT pg_reload_conf();
CALL t.wait_for('(SELECT count(*) FROM appinfra.pool) > 6');
ALTER SYSTEM RESET appinfra.pool_size;
SELECT pg_reload_conf();
CALL t.wait_for('(SELECT count(*) FROM appinfra.pool WHERE status <> ''ready'') = 0');
SELECT count(*) < 100 AS stopped FROM appinfra.pool;

-- A login starts with the limits of the time it was made.
ALTER SYSTEM SET appinfra.tenant_statement_timeout = '90 s';
ALTER SYSTEM SET appinfra.tenant_idle_in_transaction_timeout = 0;
ALTER SYSTEM SET appinfra.tenant_temp_file_limit = '64 MB';
SELECT pg_reload_conf();
\set ECHO none
SELECT pg_temp.reloaded('appinfra.tenant_temp_file_limit', '64MB') \gexec
\set ECHO all
SELECT count(*) FROM appinfra.provision_tenant('app-limits', 'u', 'limits');
SELECT setconfig FROM pg_db_role_setting WHERE setrole = 'app_limits'::regrole;
ALTER SYSTEM RESET appinfra.tenant_statement_timeout;
ALTER SYSTEM RESET appinfra.tenant_idle_in_transaction_timeout;
ALTER SYSTEM RESET appinfra.tenant_temp_file_limit;
SELECT pg_reload_conf();
