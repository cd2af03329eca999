-- A claim is an ordinary part of its transaction: what is rolled back has never been.

-- ROLLBACK leaves nothing, and the shells are claimable again.
CALL t.wait_for_pool();
SELECT t.registry() AS before \gset
SELECT array_agg(db_id ORDER BY db_id) AS pool FROM appinfra.pool \gset
BEGIN;
SELECT c.database, c.username FROM appinfra.provision_tenant('app-tx', 'u', 'tx', publish => false) c;
SELECT count(*) AS roles FROM pg_roles WHERE rolname LIKE 'app\_tx%';
SELECT count(*) AS tenants FROM appinfra.databases WHERE app_id = 'app-tx';
SELECT t.registry() <> :'before' AS changed;
ROLLBACK;
SELECT t.registry() = :'before' AS unchanged;
SELECT count(*) AS roles FROM pg_roles WHERE rolname LIKE 'app\_tx%';
SELECT array_agg(db_id ORDER BY db_id) = :'pool' AS same_pool FROM appinfra.pool;
SELECT count(*) AS renamed_shells FROM appinfra.shell s
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = s.database AND oid = s.database_oid);

-- ROLLBACK TO undoes one claim of two; its name and its variable are free again.
BEGIN;
SELECT c.database FROM appinfra.provision_tenant('app-tx', 'u', 'tx') c;
SAVEPOINT s;
SELECT c.database FROM appinfra.provision_tenant('app-tx', 'u', 'ty', env => '{"TY_URL": "owner"}') c;
ROLLBACK TO s;
SELECT c.database FROM appinfra.provision_tenant('app-tx', 'u', 'ty', env => '{"TY_URL": "owner"}') c;
RELEASE s;
COMMIT;
SELECT database, env_keys FROM appinfra.databases WHERE app_id = 'app-tx' ORDER BY database;
SELECT rolname FROM pg_roles WHERE rolname ~ '^app_t[xy]' ORDER BY 1;

-- An error ends the transaction, and what it had claimed before goes with it.
SELECT t.registry() AS before \gset
BEGIN;
SELECT c.database FROM appinfra.provision_tenant('app-tz', 'u', 'tz') c;
\set VERBOSITY terse
SELECT appinfra.provision_tenant('app-tz', 'u', 'tz');
\set VERBOSITY default
SELECT 1;
COMMIT;
SELECT t.registry() = :'before' AS unchanged;

-- An EXCEPTION block is a savepoint.
DO $$
DECLARE
    made text;
BEGIN
    BEGIN
        made = (appinfra.provision_tenant('app-block', 'u', 'block')).database;
        RAISE NOTICE 'inside: %', made;
        RAISE division_by_zero;
    EXCEPTION WHEN division_by_zero THEN
        RAISE NOTICE 'left: % tenants', (SELECT count(*) FROM appinfra.databases WHERE app_id = 'app-block');
    END;
    made = (appinfra.provision_tenant('app-block', 'u', 'block')).database;
    RAISE NOTICE 'again: %', made;
END $$;
SELECT database FROM appinfra.databases WHERE app_id = 'app-block';

-- Many in one transaction: more than the pool has, and the same slug again and again. The shells
-- that this transaction holds do not keep new ones from being built.
BEGIN;
SELECT count(DISTINCT c.db_id) AS tenants, count(DISTINCT c.database) AS names,
       count(DISTINCT c.password) AS passwords, count(*) FILTER (WHERE c.database = 'app_bulk') AS plain
  FROM generate_series(1, 11) i,
       appinfra.provision_tenant('app-bulk-' || i, 'u', 'bulk', publish => false) c;
COMMIT;
SELECT count(*) AS tenants, count(DISTINCT username) AS logins FROM appinfra.databases WHERE slug = 'bulk';
SELECT count(*) AS databases FROM pg_database JOIN appinfra.tenant ON oid = database_oid
   AND datname = database WHERE slug = 'bulk';

-- Also when every shell of the pool was claimed and given back in the same transaction.
BEGIN;
DO $$
BEGIN
    FOR i IN 1 .. 10 LOOP
        BEGIN
            PERFORM appinfra.provision_tenant('app-again', 'u', 'again');
            RAISE SQLSTATE 'RB000';
        EXCEPTION WHEN SQLSTATE 'RB000' THEN
            NULL;
        END;
    END LOOP;
END $$;
SELECT c.database FROM appinfra.provision_tenant('app-again', 'u', 'again') c;
COMMIT;

-- Isolation levels that cannot see other claims, and read-only transactions, are refused.
SELECT t.registry() AS before \gset
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT t.try($$ SELECT appinfra.provision_tenant('app-iso', 'u', 'iso') $$);
ROLLBACK;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT t.try($$ SELECT appinfra.provision_tenant('app-iso', 'u', 'iso') $$);
ROLLBACK;
BEGIN READ ONLY;
SELECT t.try($$ SELECT appinfra.provision_tenant('app-iso', 'u', 'iso') $$);
ROLLBACK;
BEGIN ISOLATION LEVEL READ UNCOMMITTED;
SELECT t.try($$ SELECT (appinfra.provision_tenant('app-iso', 'u', 'iso')).database $$);
ROLLBACK;
SELECT t.registry() = :'before' AS unchanged;

-- Published work is claimable only after the commit, and not at all after a rollback.
BEGIN;
SELECT c.database FROM appinfra.provision_tenant('app-unborn', 'u', 'unborn') c;
ROLLBACK;
SELECT count(*) AS publications FROM appinfra.publications WHERE app_id = 'app-unborn';

-- The pool is full again, and every login that exists is in the registry.
CALL t.wait_for_pool();
SELECT rolname AS unregistered FROM pg_roles r JOIN pg_shseclabel l
    ON l.objoid = r.oid AND l.classoid = 'pg_authid'::regclass AND l.label ~ ' login '
 WHERE NOT EXISTS (SELECT FROM appinfra.credentials WHERE username = rolname);
SELECT datname AS unregistered FROM pg_database WHERE datname ~ '^app_'
   AND NOT EXISTS (SELECT FROM appinfra.tenant WHERE database = datname AND database_oid = oid);
