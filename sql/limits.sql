-- Limits of a tenant of its own: of the logins that it has, of those that it gets later, and after hardening.

\pset format unaligned
CREATE TEMP VIEW logins AS
    SELECT r.rolname, s.setconfig[2] AS statement, s.setconfig[3] AS idle FROM pg_roles r JOIN pg_db_role_setting s ON s.setrole = r.oid
     WHERE r.rolname ~ '^app_lim' AND r.rolcanlogin AND s.setdatabase = 0 ORDER BY 1;
CREATE TEMP VIEW own AS SELECT connection_limit, statement_timeout, idle_in_transaction_timeout, datconnlimit
    FROM appinfra.databases JOIN pg_database ON datname = database WHERE app_id = 'app-lim';
SELECT db_id FROM appinfra.provision_tenant('app-lim', 'u', 'lim', publish => false) \gset
TABLE logins;
TABLE own;
SELECT appinfra.alter_tenant(:'db_id', 20, '30 s', '1 min');
SELECT action, db_id = :'db_id' AS this, outcome, detail FROM appinfra.audit WHERE application_name !~ '^appinfra ' ORDER BY id DESC LIMIT 1;
SELECT username FROM appinfra.rotate_credential(:'db_id', publish => false);
SELECT username FROM appinfra.issue_credential(:'db_id', 'reader');
TABLE logins;
TABLE own;
-- NULL leaves a limit as it is; 0 is no time-out.
SELECT appinfra.alter_tenant(:'db_id', statement_timeout => '0');
SELECT appinfra.alter_tenant(:'db_id', connection_limit => 200);
SELECT username FROM appinfra.rotate_credential(:'db_id', publish => false);
TABLE logins;
TABLE own;
-- They are what hardening and exposures() compare with.
SELECT count(*) FROM appinfra.exposures(:'db_id') WHERE rule = 'connection_limit';
ALTER DATABASE app_lim CONNECTION LIMIT 300;
SELECT severity, detail, remedy FROM appinfra.exposures(:'db_id') WHERE rule = 'connection_limit';
ALTER ROLE app_lim SET statement_timeout = '9 s';
SELECT appinfra.harden_tenant(:'db_id');
TABLE logins;
TABLE own;
-- Undone by a rollback; refused where it cannot be.
CALL t.wait_for_janitor();
SELECT t.registry() AS before \gset
BEGIN;
SELECT appinfra.alter_tenant(:'db_id', 1, '1 ms', '1 ms');
ROLLBACK;
CREATE TEMP TABLE ids AS SELECT :'db_id' AS id;
SELECT call, t.try('SELECT appinfra.alter_tenant(' || replace(call, 'ID', quote_literal(id)) || ')') AS refused FROM ids, unnest(ARRAY[
    'NULL, 1', '''db-000000000000'', 1', 'ID', 'ID, NULL, NULL, NULL', 'ID, 0', 'ID, -1', 'ID, 262144', 'ID, NULL, ''-1 s''',
    'ID, NULL, ''25 days''', 'ID, NULL, ''1 us''', 'ID, NULL, ''200 years''', 'ID, NULL, NULL, ''0''', 'ID, NULL, NULL, ''5 min 1 s''',
    'ID, NULL, NULL, ''-1 s''']) call;
SELECT t.registry() = :'before' AS unchanged;
SELECT appinfra.revoke_tenant(:'db_id') > 0 AS revoked;
SELECT t.try(format('SELECT appinfra.alter_tenant(%L, 1)', :'db_id')) AS refused;
-- Kept by a tenant that comes back.
SELECT appinfra.deprovision_tenant(:'db_id');
CALL t.wait_for_janitor();
SELECT username FROM appinfra.restore_tenant(:'db_id', publish => false);
TABLE logins;
TABLE own;
CALL t.wait_for_janitor();
