-- Exposures and hardening: who may ask, arguments, and a tenant's way from open to closed.
SELECT db_id FROM appinfra.provision_tenant('app-exposed', 'u', 'exposed', publish => false) \gset
SELECT t.try($$ SELECT * FROM appinfra.exposures('db-000000000000') $$);
SELECT t.try($$ SELECT * FROM appinfra.exposures(repeat('x', 100000)) $$);
SELECT t.try($$ SELECT appinfra.harden_tenant('db-000000000000') $$);
SELECT t.try($$ SELECT appinfra.harden_tenant(NULL) $$);
SELECT t.try($$ SELECT * FROM appinfra.harden_host(NULL) $$);

-- A fresh tenant: nothing.
SELECT severity, rule, detail FROM appinfra.exposures(:'db_id') WHERE database = 'app_exposed' OR object ~ 'exposed';

-- Opened by mistake, in several ways.
GRANT pg_read_server_files TO app_exposed_owner;
GRANT CONNECT ON DATABASE app_exposed TO PUBLIC;
ALTER ROLE app_exposed SET role = 'app_exposed_service';
ALTER DATABASE app_exposed SET search_path = 'evil';
\set before :DBNAME
\c app_exposed
GRANT EXECUTE ON FUNCTION pg_read_file(text) TO app_exposed_reader;
\c :before
SELECT severity, rule, database, object, grantee,
       replace(replace(remedy, :'db_id', 'ID'), ' GRANTED BY postgres', '') AS remedy -- since 16
  FROM appinfra.exposures(:'db_id')
 WHERE database = 'app_exposed' OR remedy ~ 'app_exposed' OR remedy ~ :'db_id'
 ORDER BY rule, object;

-- The host's part can be shown and done in one go; the rest is the tenant's.
BEGIN;
SELECT replace(statement, ' GRANTED BY postgres', '') AS statement, reason, applied FROM appinfra.harden_host()
 WHERE statement ~ 'exposed' ORDER BY statement;
SELECT count(*) FILTER (WHERE NOT applied) AS undone FROM appinfra.harden_host(true);
SELECT rule FROM appinfra.exposures(:'db_id')
 WHERE rule IN ('membership', 'database_public') AND coalesce(database, 'app_exposed') = 'app_exposed';
ROLLBACK;
REVOKE pg_read_server_files FROM app_exposed_owner;
ALTER DATABASE app_exposed RESET search_path;
\c app_exposed
REVOKE EXECUTE ON FUNCTION pg_read_file(text) FROM app_exposed_reader;
\c :before
SELECT appinfra.harden_tenant(:'db_id');
SELECT severity, rule, detail FROM appinfra.exposures(:'db_id') WHERE database = 'app_exposed' OR object ~ 'exposed';
SELECT action, outcome, detail FROM appinfra.audit
 WHERE db_id = :'db_id' AND action = 'harden_tenant';

-- What is retiring or dropped cannot be hardened.
BEGIN;
UPDATE appinfra.tenant SET status = 'retiring' WHERE db_id = :'db_id';
SELECT t.try(format('SELECT appinfra.harden_tenant(%L)', :'db_id'));
UPDATE appinfra.tenant SET status = 'dropped' WHERE db_id = :'db_id';
SELECT t.try(format('SELECT appinfra.harden_tenant(%L)', :'db_id'));
ROLLBACK;

-- In a transaction that must not write.
BEGIN READ ONLY;
SELECT count(*) > 0 AS looks FROM appinfra.exposures(:'db_id');
SELECT t.try(format('SELECT appinfra.harden_tenant(%L)', :'db_id'));
SELECT t.try('SELECT * FROM appinfra.harden_host(true)');
ROLLBACK;
