-- DROP EXTENSION: refused while there are tenants, and never a loss of their data.

SELECT count(*) > 10 AS tenants FROM appinfra.databases;
CREATE TEMP TABLE tenant AS SELECT database, database_oid, db_id FROM appinfra.tenant WHERE status <> 'dropped';
CREATE TEMP TABLE login AS SELECT oid, rolname, rolpassword FROM pg_authid
 WHERE oid IN (SELECT objoid FROM pg_shseclabel WHERE label ~ '^db-\S+ login');

-- Without CASCADE it is refused, also among others, also by way of the schema.
SELECT regexp_replace(t.try('DROP EXTENSION appinfra'), '\d+ databases', 'N databases');
SELECT regexp_replace(t.try('DROP EXTENSION IF EXISTS nothing, appinfra RESTRICT'), '\d+ databases', 'N databases');
SELECT t.try('DROP SCHEMA appinfra CASCADE');
SELECT t.try('DROP TABLE appinfra.tenant CASCADE');
SELECT count(*) AS extensions FROM pg_extension WHERE extname = 'appinfra';

-- A tenant that is dropped for good does not count.
BEGIN;
UPDATE appinfra.tenant SET status = 'dropped';
SELECT t.try('DROP EXTENSION appinfra');
SELECT count(*) AS extensions FROM pg_extension WHERE extname = 'appinfra';
ROLLBACK;
SELECT count(*) AS extensions FROM pg_extension WHERE extname = 'appinfra';

-- With CASCADE the registry is forgotten. Unclaimed shells and the template go away by themselves.
\set VERBOSITY terse
DROP EXTENSION appinfra CASCADE;
\set VERBOSITY default
SELECT count(*) AS schemas FROM pg_namespace WHERE nspname = 'appinfra';
CALL t.wait_for($$ NOT EXISTS (SELECT FROM pg_database WHERE datname ~ '^appinfra_') $$);
CALL t.wait_for($$ NOT EXISTS (SELECT FROM pg_roles WHERE rolname ~ '^appinfra_[0-9a-f]{12}') $$);

-- Tenants' databases and logins stay as they were, labels and passwords included.
SELECT count(*) AS lost FROM tenant t
 WHERE NOT EXISTS (SELECT FROM pg_database d JOIN pg_shseclabel l ON l.objoid = d.oid
                    WHERE d.oid = t.database_oid AND d.datname = t.database AND d.datallowconn
                      AND l.classoid = 'pg_database'::regclass AND l.label LIKE t.db_id || ' tenant %');
SELECT count(*) AS lost FROM login l
 WHERE NOT EXISTS (SELECT FROM pg_authid a WHERE a.oid = l.oid AND a.rolname = l.rolname
                      AND a.rolpassword IS NOT DISTINCT FROM l.rolpassword);
SELECT rolname FROM pg_roles WHERE rolname ~ '^appinfra_' ORDER BY 1;

-- Installed anew, it builds a pool again, and takes over nothing that is there.
CREATE EXTENSION appinfra;
CALL t.wait_for_pool();
SELECT count(*) AS tenants FROM appinfra.databases;
SELECT t.mask(c.database) AS database FROM appinfra.provision_tenant('app-12345678', 'u', 'my-app') c;
SELECT count(*) AS lost FROM tenant t
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE oid = database_oid AND datname = database);

-- Without tenants it goes without CASCADE.
UPDATE appinfra.tenant SET status = 'dropped';
DROP EXTENSION appinfra;
CALL t.wait_for($$ NOT EXISTS (SELECT FROM pg_database WHERE datname ~ '^appinfra_') $$);
SELECT count(*) AS extensions FROM pg_extension WHERE extname = 'appinfra';
